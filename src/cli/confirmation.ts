/** The question before something is deleted, disabled or reset; `--yes` answers it in advance. */
import { asInterruption } from './prompts.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage.ts';
import type { GlobalArguments } from './with-house.ts';

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
