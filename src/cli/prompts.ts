/**
 * Questions to the operator. At a terminal each answer is validated immediately, and the question is
 * repeated with the reason; passwords are masked. In a pipe each line is an answer, and the command
 * validates all of them later.
 */
import { createInterface } from 'node:readline';
import type { GlobalArguments } from './arguments.ts';
import { Interrupted, UsageError } from './errors.ts';
import { decodeInput, readAll, type Terminal } from './io.ts';

/** Returns the reason why an answer is not valid, as a sentence; undefined for a valid one. */
export type Validate = (answer: string) => string | undefined | Promise<string | undefined>;

export interface Question {
  readonly text: string;
  /** Whether a blank answer is valid; the question says so. */
  readonly isOptional?: boolean;
  readonly validate?: Validate;
}

export interface Prompts extends Disposable {
  ask(question: Question): Promise<string>;
  /** Masks the answer. */
  askSecret(question: Question): Promise<string>;
}

export function createPrompts(terminal: Terminal): Prompts {
  return terminal.stdin.isTTY ? terminalPrompts(terminal) : pipedPrompts(terminal);
}

/** Asks for a new password twice, and again while the two differ. */
export async function askNewPassword(terminal: Terminal, validate: Validate): Promise<string> {
  using prompts = createPrompts(terminal);
  return await askNewPasswordIn(prompts, terminal, validate);
}

/** The same with prompts that are already open: a pipe can be opened only once. */
export async function askNewPasswordIn(
  { askSecret }: Prompts,
  terminal: Terminal,
  validate: Validate,
): Promise<string> {
  for (;;) {
    const password = await askSecret({ text: 'Password', validate });
    if (password === (await askSecret({ text: 'Password (again)' }))) return password;
    if (!terminal.stdin.isTTY) throw new UsageError('The two passwords are not equal.');
    terminal.stderr.write('The two passwords are not equal. Type both again.\n');
  }
}

/** Questions go to standard error: standard output is for the result, and can be a file. */
function terminalPrompts({ stdin, stderr }: Terminal): Prompts {
  const streams = { input: stdin, output: stderr };
  const options = ({ text, isOptional, validate }: Question) => ({
    message: isOptional ? `${text} (optional):` : `${text}:`,
    validate: async (answer: string) => (await validate?.(answer)) ?? true,
  });
  return {
    async ask(question) {
      const { input } = await import('@inquirer/prompts');
      return input(options(question), streams).catch(throwInterrupted).then(requireUtf8Answer);
    },
    async askSecret(question) {
      const { password } = await import('@inquirer/prompts');
      const secret = password({ ...options(question), mask: '*' }, streams);
      return secret.catch(throwInterrupted).then(requireUtf8Answer);
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** @throws Interrupted for the error that Ctrl-C causes at a prompt */
function throwInterrupted(error: unknown): never {
  const isCtrlC = error instanceof Error && error.name === 'ExitPromptError';
  throw isCtrlC ? new Interrupted() : error;
}

/** @throws UsageError for an answer in which the terminal replaced bytes that are not UTF-8 */
function requireUtf8Answer(answer: string): string {
  if (!answer.includes('\ufffd')) return answer;
  throw new UsageError('The terminal sent text that is not UTF-8: set its encoding to UTF-8.');
}

/** Each question takes the next line, so a script gives the answers in the order of the questions. */
function pipedPrompts({ stdin }: Terminal): Prompts {
  // Read as bytes: readline would replace bytes that are not UTF-8.
  stdin.setEncoding('latin1');
  const reader = createInterface({ input: stdin });
  const lines = reader[Symbol.asyncIterator]();
  const ask = async ({ text }: Question) => {
    const { value, done } = await lines.next();
    if (done) throw new UsageError(`The input ended before the answer to: ${text}.`);
    return decodeInput('The input', Buffer.from(value as string, 'latin1')); // readline yields strings
  };
  return {
    ask,
    askSecret: ask,
    [Symbol.dispose]() {
      reader.close();
      stdin.destroy();
    },
  };
}

/** The first line of standard input without its line break, otherwise unchanged. */
export async function readSecretFromStdin({ stdin }: Terminal): Promise<string> {
  if (stdin.isTTY) {
    throw new UsageError('--password-stdin reads from a pipe; omit it to type the password.');
  }
  const text = decodeInput('The input', await readAll(stdin));
  return text.split(/\r?\n/, 1)[0] ?? '';
}

export interface ConfirmedArguments extends GlobalArguments {
  readonly yes: boolean;
}

export const yesOption = {
  alias: 'y',
  type: 'boolean',
  default: false,
  describe: 'Do not ask for confirmation',
} as const;

/**
 * Checks that `confirm` can ask. A command calls this before it opens the database.
 *
 * @throws UsageError without a terminal and without `--yes`
 */
export function requireConfirmable({ yes, terminal }: ConfirmedArguments): void {
  if (yes || terminal.stdin.isTTY) return;
  throw new UsageError('The confirmation needs a terminal; --yes skips the question.');
}

/** @throws Error for the answer no; Interrupted after Ctrl-C */
export async function confirm(
  question: string,
  { yes, terminal }: { readonly yes: boolean; readonly terminal: Terminal },
): Promise<void> {
  if (yes) return;
  const prompts = await import('@inquirer/prompts');
  const streams = { input: terminal.stdin, output: terminal.stderr };
  const isConfirmed = await prompts
    .confirm({ message: question, default: false }, streams)
    .catch(throwInterrupted);
  if (!isConfirmed) throw new Error('Nothing was done.');
}
