/** Asks the operator: at a terminal with masked passwords, from a pipe line by line. */
import { createInterface } from 'node:readline';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';

export interface Prompts extends Disposable {
  ask(question: string): Promise<string>;
  /** Shows nothing of the answer. */
  askSecret(question: string): Promise<string>;
}

export function createPrompts(terminal: Terminal): Prompts {
  return terminal.stdin.isTTY ? terminalPrompts(terminal) : pipedPrompts(terminal);
}

/** Questions go to stderr: stdout is for results, and may be a file. */
function terminalPrompts({ stdin, stderr }: Terminal): Prompts {
  const where = { input: stdin, output: stderr };
  return {
    async ask(question) {
      const { input } = await import('@inquirer/prompts');
      return input({ message: `${question}:` }, where).catch(asUsage);
    },
    async askSecret(question) {
      const { password } = await import('@inquirer/prompts');
      return password({ message: `${question}:`, mask: '*' }, where).catch(asUsage);
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** Ctrl-C at a prompt. */
function asUsage(error: unknown): never {
  const isLeft = error instanceof Error && error.name === 'ExitPromptError';
  throw isLeft ? new UsageError('Nothing was done.') : error;
}

/** Each question takes the next line, so that a script can answer them in their order. */
function pipedPrompts({ stdin }: Terminal): Prompts {
  const reader = createInterface({ input: stdin });
  const lines = reader[Symbol.asyncIterator]();
  const ask = async (question: string) => {
    const { value, done } = await lines.next();
    if (done) throw new UsageError(`The input ended before the answer to: ${question}.`);
    return value as string; // readline yields strings
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
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  return text.split(/\r?\n/, 1)[0] ?? '';
}
