/** `audit verify`, `audit checkpoint`, `audit tail`: the record of who did what. */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import { parseId } from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { printableJson } from '../../core/text.ts';
import { parseRfc3339 } from '../../core/time.ts';
import type {
  AuditFault,
  AuditVerification,
  Checkpoint,
  FaultKind,
} from '../../features/audit/verification.ts';
import type { AuditFilter } from '../../features/audit-log/filter.ts';
import type { NamedAuditEntry } from '../../features/audit-log/names.ts';
import { commandGroup } from '../command-group.ts';
import { type GlobalArguments, print, withAppContext } from '../context.ts';
import { isWritable, type Output, printError } from '../io.ts';
import {
  type Column,
  csvOf,
  type Format,
  formatOf,
  type ListArguments,
  limitOption,
  listOptions,
  parseLimit,
  tableOf,
  write,
} from '../listing.ts';
import { UsageError } from '../usage.ts';

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
    const result = await withAppContext(
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
    const { checkpoint, faults } = await withAppContext(
      given.terminal,
      ({ auditVerifier }) => auditVerifier.checkpoint(),
      { purpose: 'read' },
    );
    if (!checkpoint) {
      printError(given.terminal, ['No checkpoint was made.', ...linesOf(faults)].join('\n'));
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

const explain: Readonly<Record<FaultKind, string>> = {
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
      `  ${kind} in chain ${chain} at place ${sequence}: ${explain[kind]}`,
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

interface TailArguments extends ListArguments {
  readonly follow: boolean;
  readonly limit: string;
  readonly action: string | undefined;
  readonly actor: string | undefined;
  readonly target: string | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
}

const followMilliseconds = 500;

/** Actors that are no users, as `--actor` takes them. */
const actorKinds = ['operator', 'anonymous', 'system'];

const columns: readonly Column<NamedAuditEntry>[] = [
  { name: 'at', title: 'TIME', isWhole: true, value: ({ at }) => at },
  { name: 'action', title: 'ACTION', value: ({ action }) => action },
  { name: 'actor', title: 'ACTOR', value: actorOf },
  { name: 'target', title: 'TARGET', value: targetOf },
  {
    name: 'code',
    title: 'REFUSED',
    value: ({ code }) => code,
    colour: () => 'red',
  },
  { name: 'ipAddress', title: 'FROM', value: ({ ipAddress }) => ipAddress ?? null },
];

const tailCommand: CommandModule<GlobalArguments, TailArguments> = {
  command: 'tail',
  describe: 'Show the newest entries; JSON has a line for each, with ids and names',
  builder: (argv) => {
    const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
    return listOptions(argv)
      .option('follow', { type: 'boolean', default: false, describe: 'Go on with what comes' })
      .option('limit', { ...limitOption, default: '20', describe: 'So many to begin with' })
      .option('action', text('Only this action, such as user-updated'))
      .option('actor', text('Only by this user, or by operator, anonymous or system'))
      .option('target', text('Only on this user, group or permission, by name or id'))
      .option('since', text('Only from this time on, such as 2026-01-31T12:00:00Z'))
      .option('until', text('Only before this time'));
  },
  handler: async (given) => {
    const limit = parseLimit(given.limit);
    const [format, stdout] = [formatOf(given), given.terminal.stdout];
    const times = { since: instantOf('since', given), until: instantOf('until', given) };
    const work = async (app: AppContext, context: RequestContext) => {
      const filter = { ...times, ...(await filterOf(given, app, context)) };
      const tail = await app.auditEntries.tail({ filter, limit }, context);
      const printer = await printerOf(format, stdout);
      const print = async (entries: Parameters<AppContext['auditNames']['named']>[0]) =>
        printer(await app.auditNames.named(entries, context));
      await print(tail.entries);
      const stopping = given.follow ? untilInterrupted() : AbortSignal.abort();
      while (!stopping.aborted && isWritable(given.terminal)) {
        const { entries, hasMore } = await tail.next();
        if (entries.length > 0) await print(entries);
        if (!hasMore)
          await sleep(followMilliseconds, undefined, { signal: stopping }).catch(ignore);
      }
    };
    await withAppContext(given.terminal, work, { purpose: 'read' });
  },
};

function instantOf(name: 'since' | 'until', given: TailArguments): Date | undefined {
  const text = given[name];
  const instant = parseRfc3339(text);
  if (text === undefined || instant) return instant;
  throw new UsageError(`--${name} takes a time such as 2026-01-31T12:00:00Z.`);
}

async function filterOf(
  { action, actor, target }: TailArguments,
  { lookup, auditNames }: AppContext,
  context: RequestContext,
): Promise<AuditFilter> {
  const isKind = actor !== undefined && actorKinds.includes(actor);
  return {
    action,
    actorKind: isKind ? actor : undefined,
    actorId:
      isKind || actor === undefined
        ? undefined
        : (parseId(actor) ?? (await lookup.userId(actor, context))),
    targetId: target === undefined ? undefined : await auditNames.targetId(target, context),
  };
}

/** Prints batch after batch; titles stand above the first one only. */
async function printerOf(
  format: Format,
  stdout: Output,
): Promise<(entries: readonly NamedAuditEntry[]) => Promise<unknown>> {
  if (format === 'json') {
    return (entries) =>
      write(entries.map((entry) => `${printableJson(JSON.stringify(entry))}\n`).join(''), stdout);
  }
  if (format === 'csv') {
    const csv = await csvOf(columns);
    await write(csv.titles, stdout);
    return (entries) => write(csv.textOf(entries), stdout);
  }
  const table = tableOf(columns, stdout);
  return (entries) => write(`${table.textOf(entries)}\n`, stdout);
}

/** Ctrl-C ends the following, and the command closes what it has opened. */
function untilInterrupted(): AbortSignal {
  const interruption = new AbortController();
  process.once('SIGINT', () => interruption.abort());
  return interruption.signal;
}

function actorOf({ actorKind, actorId, actorName }: NamedAuditEntry): string {
  return actorName ?? actorId ?? actorKind;
}

function targetOf({ targetType, targetId, targetName }: NamedAuditEntry): string | null {
  if (targetType === null || targetId === null) return null;
  const name = targetName ?? targetId;
  return targetType === 'session' && targetName !== null
    ? `session of ${name}`
    : `${targetType} ${name}`;
}

function ignore(): void {}
