/** `audit verify`, `audit checkpoint`, `audit tail`: the record of who did what. */

import { readFile, writeFile } from 'node:fs/promises';
import type { CommandModule } from 'yargs';
import type { AuditFault, FaultKind } from '../features/audit/chain-reader.ts';
import type { AuditVerification, Checkpoint } from '../features/audit/verification.ts';
import { tailCommand } from './audit-tail.ts';
import { commandGroup } from './command-group.ts';
import { complain } from './terminal.ts';
import { UsageError } from './usage.ts';
import { type GlobalArguments, print, withHouse } from './with-house.ts';

interface VerifyArguments extends GlobalArguments {
  readonly checkpoint: string | undefined;
}

interface CheckpointArguments extends GlobalArguments {
  readonly output: string | undefined;
}

const verifyCommand: CommandModule<GlobalArguments, VerifyArguments> = {
  command: 'verify',
  describe: 'Check that nothing was edited, removed, moved or cut off',
  builder: (argv) =>
    argv.option('checkpoint', {
      type: 'string',
      requiresArg: true,
      describe: 'File of an earlier checkpoint, which tells what was cut off since',
    }),
  handler: async ({ checkpoint: file, ...given }) => {
    const checkpoint = file === undefined ? undefined : await readCheckpoint(file);
    const result = await withHouse(
      given.terminal,
      ({ auditVerifier }) => auditVerifier.verify(checkpoint),
      { purpose: 'read' },
    );
    print({ text: sentenceOf(result), json: result }, given);
    if (result.faults.length > 0) given.terminal.exitCode = 1;
  },
};

const checkpointCommand: CommandModule<GlobalArguments, CheckpointArguments> = {
  command: 'checkpoint',
  describe: 'Write where the record stands, to be kept elsewhere',
  builder: (argv) =>
    argv.option('output', {
      type: 'string',
      requiresArg: true,
      describe: 'File to write it to; standard output when left out',
    }),
  handler: async ({ output, ...given }) => {
    const { checkpoint, faults } = await withHouse(
      given.terminal,
      ({ auditVerifier }) => auditVerifier.checkpoint(),
      { purpose: 'read' },
    );
    if (!checkpoint) {
      complain(given.terminal, ['No checkpoint was made.', ...linesOf(faults)].join('\n'));
      given.terminal.exitCode = 1;
      return;
    }
    const text = JSON.stringify(checkpoint, undefined, 2);
    if (output !== undefined) await writeFile(output, `${text}\n`, { mode: 0o600 });
    print({ text: output === undefined ? text : `Wrote ${output}.`, json: checkpoint }, given);
  },
};

export const auditCommand = commandGroup({
  name: 'audit',
  describe: 'Check, note down or watch the record of who did what',
  commands: (argv) => argv.command(verifyCommand).command(checkpointCommand).command(tailCommand),
});

function sentenceOf({ entries, startedAt, faults }: AuditVerification): string {
  if (faults.length === 0) {
    return `${entries} entries, all as they were written. The chains began at ${startedAt}.`;
  }
  return [`${entries} entries, and the audit log was tampered with:`, ...linesOf(faults)].join(
    '\n',
  );
}

const explanations: Readonly<Record<FaultKind, string>> = {
  EDITED: 'the entry was edited, or was not written by Gatehouse',
  MISSING: 'an entry was removed',
  REORDERED: 'the entry does not continue the one before it',
  CUT_OFF: 'entries were removed from the end of the chain',
  NO_CHAIN: 'the chain was removed',
  NO_START: 'the chain was emptied: its signed first entry is missing',
  UNKNOWN_CHAIN: 'the chain does not exist, and its entries were not written by Gatehouse',
  UNREADABLE: 'the key of a person who was not erased was removed or replaced',
};

const remedy = `Keep the database as it is for an investigation, and compare it with a backup. Change the
credentials of the database and look for their misuse. The log of the server has the same events.
After SECRET_KEY was changed, every entry from before counts as edited.`;

function linesOf(faults: readonly AuditFault[]): string[] {
  const lines = faults.map(
    ({ kind, chain, sequence }) =>
      `  ${kind} in chain ${chain} at place ${sequence}: ${explanations[kind]}`,
  );
  return [...lines, remedy];
}

async function readCheckpoint(file: string): Promise<Checkpoint> {
  const wrong = new UsageError(`${file} is not a checkpoint that can be read.`);
  let content: Partial<Checkpoint> | null;
  try {
    content = JSON.parse(await readFile(file, 'utf8'));
  } catch {
    throw wrong;
  }
  if (!Array.isArray(content?.chains) || typeof content.signature !== 'string') throw wrong;
  return content as Checkpoint; // its signature covers the rest
}
