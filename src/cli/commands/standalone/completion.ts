/**
 * `completion bash|zsh`: prints a completion script. The script calls this program with a hidden option
 * of the argument parser, which prints the possible next words.
 */

import type { CommandModule } from 'yargs';
import type { GlobalArguments } from '../../arguments.ts';
import { printLine } from '../../io.ts';

/** The hidden option of the parser; the words of the command line follow it. */
export const completionRequest = '--get-yargs-completions';

// The parser adds descriptions if SHELL is zsh. Bash cannot show them.
const scripts = {
  bash: `# Completion of gatehouse for bash: source <(gatehouse completion bash)
_gatehouse() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(SHELL=bash "$1" ${completionRequest} "\${COMP_WORDS[@]:0:COMP_CWORD+1}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _gatehouse gatehouse`,
  zsh: `#compdef gatehouse
# Completion of gatehouse for zsh: source <(gatehouse completion zsh)
_gatehouse() {
  local -a replies
  replies=("\${(@f)$(SHELL=zsh "\${words[1]}" ${completionRequest} "\${(@)words[1,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$replies" ]]; then _describe gatehouse replies; else _files; fi
}
if [[ "\${zsh_eval_context[-1]}" == loadautofunc ]]; then _gatehouse "$@"; else compdef _gatehouse gatehouse; fi`,
} as const;

interface CompletionArguments extends GlobalArguments {
  readonly shell: keyof typeof scripts;
}

export const completionCommand: CommandModule<GlobalArguments, CompletionArguments> = {
  command: 'completion <shell>',
  describe: 'Print a completion script for bash or zsh',
  builder: (argv) =>
    argv.positional('shell', {
      choices: ['bash', 'zsh'] as const,
      demandOption: true,
      describe: 'Shell that runs the script',
    }),
  handler: ({ shell, terminal }) => printLine(terminal, scripts[shell]),
};
