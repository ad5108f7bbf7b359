/** Shell completion with the tab key, in real shells. */
import { describe, expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { hasShell, runInShell } from '../support/shell.ts';

const environment = {};

test('an unknown shell is wrong usage', async () => {
  const wrong = await runCommand(['completion', 'tcsh'], { environment });
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toMatch(/bash.*zsh/);
});

describe('in bash', { concurrent: true }, () => {
  const complete = async (...words: string[]) => {
    const script = `
      source <(gatehouse completion bash)
      complete -p gatehouse >/dev/null || exit 1
      COMP_WORDS=(gatehouse ${words.map((word) => `'${word}'`).join(' ')})
      COMP_CWORD=${words.length}
      _gatehouse gatehouse
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const result = await runInShell('bash', script, { environment });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    return result.stdout.trim().split('\n');
  };

  test('commands, those of a group, options and their values are completed', async () => {
    const [commands, group, options, values] = await Promise.all([
      complete('create'),
      complete('users', 's'),
      complete('users', 'list', '--st'),
      complete('users', 'list', '--format', ''),
    ]);
    expect(commands.sort()).toEqual(['createstaffuser', 'createsuperuser', 'createuser']);
    expect(group).toEqual(expect.arrayContaining(['show', 'set-password']));
    expect(options.sort()).toEqual(['--staff', '--status']);
    expect(values.sort()).toEqual(['csv', 'json', 'table']);
  });
});

const zsh = hasShell('zsh');
if (!zsh) console.warn('skipped: zsh is not installed');

describe.runIf(zsh)('in zsh', () => {
  test('the tab key at a terminal completes a command and shows descriptions', async () => {
    const script = `
      zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell "PS1='ready> '; autoload -Uz compinit; compinit -u -D; source <(gatehouse completion zsh); echo loaded-ok"
      zpty -r -m shell output '*loaded-ok*loaded-ok*ready> ' || exit 1
      zpty -w -n shell $'gatehouse users exp\\t'
      zpty -r -m shell output '*users explain*' || exit 1
      zpty -w -n shell $'\\C-ugatehouse keys \\t'
      zpty -r -m shell output '*rotate*Publish a new key*' || exit 1
      echo completed`;
    const result = await runInShell('zsh', script, { environment });
    expect(result).toMatchObject({ code: 0, stdout: 'completed\n' });
  });
});
