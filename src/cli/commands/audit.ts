/** `audit verify` and `audit checkpoint`: finds manipulation of the audit log. */
import { readFile, writeFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import { countText } from '../../core/text.ts';
import type { AuditFault, FaultKind } from '../../features/audit/chain-reader.ts';
import type { AuditVerification, Checkpoint } from '../../features/audit/verification.ts';
import { commandGroup, type GlobalArguments } from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { printError } from '../io.ts';
import { print } from '../output.ts';
import { tailCommand } from './audit-tail.ts';

interface VerifyArguments extends GlobalArguments {
  readonly checkpoint: string | undefined;
}

interface CheckpointArguments extends GlobalArguments {
  readonly output: string | undefined;
}

const verifyCommand: CommandModule<GlobalArguments, VerifyArguments> = {
  command: 'verify',
  describe: 'Check that no entry was edited, removed, moved or cut off',
  builder: (argv) =>
    argv.option('checkpoint', {
      type: 'string',
      requiresArg: true,
      describe: 'File of an earlier checkpoint, to find entries that were cut off since',
    }),
  handler: async ({ checkpoint: file, ...args }) => {
    const checkpoint = file === undefined ? undefined : await readCheckpoint(file);
    const result = await withAppContext(
      args.terminal,
      ({ audit }) => audit.verifier.verify(checkpoint),
      { purpose: 'read' },
    );
    print({ text: formatVerification(result), json: result }, args);
    if (result.faults.length > 0) args.terminal.exitCode = 1;
  },
};

const checkpointCommand: CommandModule<GlobalArguments, CheckpointArguments> = {
  command: 'checkpoint',
  describe: 'Sign the present end of the audit log; store the checkpoint on another machine',
  builder: (argv) =>
    argv.option('output', {
      type: 'string',
      requiresArg: true,
      describe: 'File to write to; the default is standard output',
    }),
  handler: async ({ output, ...args }) => {
    const { checkpoint, faults } = await withAppContext(
      args.terminal,
      ({ audit }) => audit.verifier.checkpoint(),
      { purpose: 'read' },
    );
    if (!checkpoint) {
      printError(args.terminal, ['No checkpoint was created.', ...faultLines(faults)].join('\n'));
      args.terminal.exitCode = 1;
      return;
    }
    const text = JSON.stringify(checkpoint, undefined, 2);
    if (output !== undefined) await writeFile(output, `${text}\n`, { mode: 0o600 });
    print({ text: output === undefined ? text : `Wrote ${output}.`, json: checkpoint }, args);
  },
};

export const auditCommand = commandGroup({
  name: 'audit',
  describe: 'Verify, sign or print the audit log',
  commands: (argv) => argv.command(verifyCommand).command(checkpointCommand).command(tailCommand),
});

function formatVerification({ entries, startedAt, faults }: AuditVerification): string {
  return faults.length === 0
    ? `${countText(entries, 'entry', 'entries')}, all unchanged. The chains began at ${startedAt}.`
    : [
        `${countText(entries, 'entry', 'entries')}, and the audit log was manipulated:`,
        ...faultLines(faults),
      ].join('\n');
}

const faultTexts: Readonly<Record<FaultKind, string>> = {
  EDITED: 'the entry was edited, or was not written by Gatehouse',
  MISSING: 'an entry was removed',
  REORDERED: 'the entry does not continue the previous one',
  CUT_OFF: 'entries were removed from the end of the chain',
  NO_CHAIN: 'the chain was removed',
  NO_START: 'the chain was emptied: its signed first entry is missing',
  UNKNOWN_CHAIN: 'the chain does not exist, and its entries were not written by Gatehouse',
  UNREADABLE: 'the key of a person who was not erased was removed or replaced',
};

const remedy = `Keep the database as it is for an investigation, and compare it with a backup. Change the
credentials of the database and look for their misuse. The log of the server has the same events.
After a change of SECRET_KEY every earlier entry counts as edited.`;

function faultLines(faults: readonly AuditFault[]): string[] {
  const lines = faults.map(
    ({ kind, chain, sequence }) =>
      `  ${kind} in chain ${chain} at place ${sequence}: ${faultTexts[kind]}`,
  );
  return [...lines, remedy];
}

/** @throws UsageError for a file that is no checkpoint */
async function readCheckpoint(file: string): Promise<Checkpoint> {
  const notReadable = new UsageError(`${file} is not a readable checkpoint.`);
  let content: Partial<Checkpoint> | null;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    throw notReadable;
  }
  if (!Array.isArray(content?.chains) || typeof content.signature !== 'string') throw notReadable;
  return content as Checkpoint; // its signature covers the rest
}
