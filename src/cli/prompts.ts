/** Asks the operator: at a terminal with masked passwords, from a pipe line by line. */
import { createInterface } from 'node:readline';
import { input, password } from '@inquirer/prompts';

/** The command was called in a way that cannot work; exit code 2. */
export class UsageError extends Error {}

export interface Prompts {
  ask(question: string): Promise<string>;
  /** Shows nothing of the answer. */
  askSecret(question: string): Promise<string>;
}

export function createPrompts(): Prompts {
  return process.stdin.isTTY ? terminalPrompts : pipedPrompts();
}

const terminalPrompts: Prompts = {
  ask: (question) => input({ message: `${question}:` }),
  askSecret: (question) => password({ message: `${question}:`, mask: '*' }),
};

/** Each question takes the next line, so that a script can answer them in their order. */
function pipedPrompts(): Prompts {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const ask = async (question: string) => {
    const { value, done } = await lines.next();
    if (done) throw new UsageError(`The input ended before the answer to: ${question}.`);
    return value as string; // readline yields strings
  };
  return { ask, askSecret: ask };
}

/** The first line of stdin, exactly as it stands there without its line break. */
export async function readSecretFromStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk));
  const text = Buffer.concat(chunks).toString('utf8');
  return text.split(/\r?\n/, 1)[0] ?? '';
}
