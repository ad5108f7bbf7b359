/**
 * Asks the operator. At a terminal each answer is checked when it is given, and asked for again with the
 * reason; passwords are masked. From a pipe the answers come line by line, and the command checks them.
 */
import { createInterface } from 'node:readline';
import type { GlobalArguments } from './context.ts';
import { bytesOf, decodeInput, requireUtf8Answer, type Terminal } from './io.ts';
import { Interrupted, UsageError } from './usage.ts';

/** Answers why a text is not acceptable, in a sentence; undefined when it is. */
export type Check = (answer: string) => string | undefined | Promise<string | undefined>;

export interface Question {
  readonly text: string;
  /** Said with the question: it may be left blank. */
  readonly isOptional?: boolean;
  readonly check?: Check;
}

export interface Prompts extends Disposable {
  ask(question: Question): Promise<string>;
  /** Shows nothing of the answer. */
  askSecret(question: Question): Promise<string>;
}

export function createPrompts(terminal: Terminal): Prompts {
  return terminal.stdin.isTTY ? terminalPrompts(terminal) : pipedPrompts(terminal);
}

/** Asks for a new password twice, and again while the two differ. */
export async function askNewPassword(terminal: Terminal, check?: Check): Promise<string> {
  using prompts = createPrompts(terminal);
  return await newPasswordFrom(prompts, terminal, check);
}

/** The same with prompts that are open already, as a pipe can be opened once only. */
export async function newPasswordFrom(
  { askSecret }: Prompts,
  terminal: Terminal,
  check?: Check,
): Promise<string> {
  for (;;) {
    const password = await askSecret({ text: 'Password', ...(check && { check }) });
    if (password === (await askSecret({ text: 'Password (again)' }))) return password;
    if (!terminal.stdin.isTTY) throw new UsageError('The two passwords are not equal.');
    terminal.stderr.write('The two passwords are not equal. Type both again.\n');
  }
}

/** Questions go to stderr: stdout is for results, and may be a file. */
function terminalPrompts({ stdin, stderr }: Terminal): Prompts {
  const where = { input: stdin, output: stderr };
  const options = ({ text, isOptional, check }: Question) => ({
    message: isOptional ? `${text} (optional):` : `${text}:`,
    validate: async (answer: string) => (await check?.(answer)) ?? true,
  });
  return {
    async ask(question) {
      const { input } = await import('@inquirer/prompts');
      return input(options(question), where).catch(asInterruption).then(requireUtf8Answer);
    },
    async askSecret(question) {
      const { password } = await import('@inquirer/prompts');
      const secret = password({ ...options(question), mask: '*' }, where);
      return secret.catch(asInterruption).then(requireUtf8Answer);
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** Ctrl-C at a prompt. */
function asInterruption(error: unknown): never {
  const isLeft = error instanceof Error && error.name === 'ExitPromptError';
  throw isLeft ? new Interrupted() : error;
}

/** Each question takes the next line, so that a script can answer them in their order. */
function pipedPrompts({ stdin }: Terminal): Prompts {
  // Read as bytes: readline replaces what is not UTF-8.
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

/** The first line of stdin, exactly as it stands there without its line break. */
export async function readSecretFromStdin({ stdin }: Terminal): Promise<string> {
  if (stdin.isTTY) {
    throw new UsageError('--password-stdin reads from a pipe; leave it out to be asked.');
  }
  const text = decodeInput('The input', await bytesOf(stdin));
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
 * Called before the work begins.
 *
 * @throws UsageError where nobody can be asked and `--yes` is not given
 */
export function requireConfirmable({ yes, terminal }: ConfirmedArguments): void {
  if (yes || terminal.stdin.isTTY) return;
  throw new UsageError('This asks for confirmation, which needs a terminal; --yes goes without.');
}

/** @throws Error when the answer is no; Interrupted after Ctrl-C */
export async function confirm(
  question: string,
  { yes, terminal }: { readonly yes: boolean; readonly terminal: Terminal },
): Promise<void> {
  if (yes) return;
  const prompts = await import('@inquirer/prompts');
  const where = { input: terminal.stdin, output: terminal.stderr };
  const isConfirmed = await prompts
    .confirm({ message: question, default: false }, where)
    .catch(asInterruption);
  if (!isConfirmed) throw new Error('Nothing was done.');
}
