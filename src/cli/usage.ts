/** Wrong usage: what it is, and reading arguments so that it is noticed. */

/** The command was called in a way that cannot work; exit code 2. */
export class UsageError extends Error {}

/** The operator has pressed Ctrl-C at a question; exit code 130, as of a process that SIGINT has ended. */
export class Interrupted extends Error {}

/**
 * Binds the value of each option that takes a text to its name, so that a value may begin with a
 * dash, as one code in 64 does.
 *
 * @throws UsageError for an option that is given twice
 */
export function bindValues(argv: readonly string[], textOptions: readonly string[]): string[] {
  const bound: string[] = [];
  const seen = new Set<string>();
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? '';
    const name = argument.split('=', 1)[0] ?? '';
    if (name.startsWith('--') && seen.has(name)) throw new UsageError(`${name} is given twice.`);
    seen.add(name);
    const value = argv[index + 1];
    if (textOptions.includes(argument) && value !== undefined) {
      bound.push(`${argument}=${value}`);
      index += 1;
    } else {
      bound.push(argument);
    }
  }
  return bound;
}

/**
 * A sentence of the argument parser without what it quotes: somebody may have written a password
 * where it does not belong. Names of options that were really given are kept.
 */
export function withoutValues(message: string, argv: readonly string[]): string {
  if (message.startsWith('Not enough non-option arguments')) return 'An argument is missing.';
  const names = /^Unknown arguments?: (.*)$/s.exec(message)?.[1];
  if (names === undefined) return message;
  const options = names.split(', ').filter((name) => argv.includes(`--${name}`));
  return options.length > 0
    ? `Unknown option: ${[...new Set(options)].map((name) => `--${name}`).join(', ')}`
    : 'There is an argument too many.';
}
