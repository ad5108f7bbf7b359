/**
 * Arguments of commands: option values, the options of lists, and groups of commands. Arguments can
 * contain a password at a wrong position, so the messages repeat no value.
 */
import type { Argv, CommandModule } from 'yargs';
import { UsageError } from './errors.ts';
import { printLine, type Terminal } from './io.ts';

/** The arguments of every command. */
export interface GlobalArguments {
  readonly json: boolean;
  readonly terminal: Terminal;
}

/** Options that take any text as their value. */
const textOptions: ReadonlySet<string> = new Set([
  '--code',
  '--email',
  '--username',
  '--first-name',
  '--last-name',
  '--external-id',
  '--metadata',
  '--target',
  '--output',
  '--search',
  '--group',
  '--permission',
  '--permissions',
  '--since',
  '--until',
  '--action',
  '--actor',
  '--port',
  '--host',
  '--name',
  '--codename',
  '--description',
  '--file',
  '-f',
  '--checkpoint',
  '--account',
  '--user',
  '--service-account',
  '--groups',
  '--expires',
  '--network',
  '--hash-config',
  '--report',
]);

/**
 * Joins each text option and its value to one argument, because a value can begin with a dash: one
 * verification code in 64 does.
 *
 * @throws UsageError for an option that is given twice
 */
export function bindValues(argv: readonly string[]): string[] {
  const bound: string[] = [];
  const seen = new Set<string>();
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? '';
    const name = argument.split('=', 1)[0] ?? '';
    if (name.startsWith('--') && seen.has(name)) throw new UsageError(`${name} is given twice.`);
    seen.add(name);
    const value = argv[index + 1];
    if (textOptions.has(argument) && value !== undefined) {
      bound.push(`${argument}=${value}`);
      index += 1;
    } else {
      bound.push(argument);
    }
  }
  return bound;
}

/**
 * A message of the argument parser without the arguments that it quotes. Names of options that were
 * given stay.
 */
export function withoutValues(message: string, argv: readonly string[]): string {
  if (message.startsWith('Not enough non-option arguments')) return 'An argument is missing.';
  const names = /^Unknown arguments?: (.*)$/s.exec(message)?.[1];
  if (names === undefined) return message;
  const options = names.split(', ').filter((name) => argv.includes(`--${name}`));
  return options.length > 0
    ? `Unknown option: ${[...new Set(options)].map((name) => `--${name}`).join(', ')}`
    : 'There are too many arguments.';
}

export interface CommandGroup {
  readonly name: string;
  readonly describe: string;
  /** Adds the commands of the group. */
  readonly commands: (argv: Argv<GlobalArguments>) => Argv<GlobalArguments>;
}

/** A group of commands such as `users`. Without a command of the group it prints the help of the group. */
export function commandGroup({
  name,
  describe,
  commands,
}: CommandGroup): CommandModule<GlobalArguments, GlobalArguments> {
  let group: Argv<GlobalArguments> | undefined;
  return {
    command: name,
    describe,
    builder: (argv) => {
      group = commands(argv);
      return group;
    },
    handler: async ({ terminal }) => printLine(terminal, (await group?.getHelp()) ?? ''),
  };
}

/**
 * The words of an option that takes a list with commas, in their order. White space around a word does not count, and
 * neither do empty words and repetitions, as in lists of the environment. An empty text is an empty list.
 */
export function wordsOf(text: string): readonly string[] {
  const words = text.split(',').map((word) => word.trim());
  return [...new Set(words)].filter((word) => word !== '');
}

const formats = ['table', 'csv', 'json'] as const;

export type Format = (typeof formats)[number];

export interface ListArguments extends GlobalArguments {
  readonly format: Format | undefined;
}

export function listOptions(argv: Argv<GlobalArguments>): Argv<ListArguments> {
  return argv.option('format', {
    choices: formats,
    requiresArg: true,
    describe: 'Format of the list; the default is a table',
  });
}

/** @throws UsageError when `--json` and `--format` contradict each other */
export function parseFormat({ json, format }: ListArguments): Format {
  if (json && format !== undefined && format !== 'json') {
    throw new UsageError(`--json and --format ${format} exclude each other.`);
  }
  return json ? 'json' : (format ?? 'table');
}

/** A text that `parseLimit` reads: yargs turns a word into NaN for an option of type number. */
export const limitOption = { type: 'string', requiresArg: true } as const;

/** @throws UsageError when the text is no number, or less than 1 */
export function parseLimit(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError('--limit takes a number, 1 or more.');
}
