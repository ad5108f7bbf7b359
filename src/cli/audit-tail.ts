/** `audit tail`: the newest entries of the audit log, and with `--follow` those that come. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandModule } from 'yargs';
import type { Context } from '../core/actor.ts';
import { parseId } from '../core/parse.ts';
import { printableJson } from '../core/printable.ts';
import { parseRfc3339 } from '../core/time.ts';
import type { AuditFilter } from '../features/administration/audit-filter.ts';
import type { NamedAuditEntry } from '../features/administration/audit-names.ts';
import type { House } from '../house.ts';
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
} from './listing.ts';
import { isWritable } from './output-watch.ts';
import type { Output } from './terminal.ts';
import { UsageError } from './usage.ts';
import { type GlobalArguments, withHouse } from './with-house.ts';

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

export const tailCommand: CommandModule<GlobalArguments, TailArguments> = {
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
    const work = async (house: House, context: Context) => {
      const filter = { ...times, ...(await filterOf(given, house, context)) };
      const tail = await house.auditEntries.tail({ filter, limit }, context);
      const printer = await printerOf(format, stdout);
      const print = async (entries: Parameters<House['auditNames']['named']>[0]) =>
        printer(await house.auditNames.named(entries, context));
      await print(tail.entries);
      const stopping = given.follow ? untilInterrupted() : AbortSignal.abort();
      while (!stopping.aborted && isWritable(given.terminal)) {
        const { entries, hasMore } = await tail.next();
        if (entries.length > 0) await print(entries);
        if (!hasMore)
          await sleep(followMilliseconds, undefined, { signal: stopping }).catch(ignore);
      }
    };
    await withHouse(given.terminal, work, { purpose: 'read' });
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
  { byName, auditNames }: House,
  context: Context,
): Promise<AuditFilter> {
  const isKind = actor !== undefined && actorKinds.includes(actor);
  return {
    action,
    actorKind: isKind ? actor : undefined,
    actorId:
      isKind || actor === undefined
        ? undefined
        : (parseId(actor) ?? (await byName.userId(actor, context))),
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
