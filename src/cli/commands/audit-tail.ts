/** `audit tail`: prints the newest entries of the audit log, and with `--follow` the entries to come. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandModule } from 'yargs';
import type { AppContext } from '../../bootstrap/app-context.ts';
import { parseId } from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { printableJson } from '../../core/text.ts';
import { parseRfc3339 } from '../../core/time.ts';
import type { AuditFilter } from '../../features/audit-log/filter.ts';
import type { NamedAuditEntry } from '../../features/audit-log/names.ts';
import {
  type Format,
  type GlobalArguments,
  type ListArguments,
  limitOption,
  listOptions,
  parseFormat,
  parseLimit,
} from '../arguments.ts';
import { withAppContext } from '../context.ts';
import { UsageError } from '../errors.ts';
import { isWritable, type Output } from '../io.ts';
import { type Column, createCsv, createTable, write } from '../output.ts';

interface TailArguments extends ListArguments {
  readonly follow: boolean;
  readonly limit: string;
  readonly action: string | undefined;
  readonly actor: string | undefined;
  readonly target: string | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
}

const pollIntervalMs = 500;

/** Values of `--actor` that are not users. */
const actorKinds = ['service-account', 'operator', 'anonymous', 'system'];

const columns: readonly Column<NamedAuditEntry>[] = [
  { name: 'at', title: 'TIME', isNeverCut: true, value: ({ at }) => at },
  { name: 'action', title: 'ACTION', value: ({ action }) => action },
  { name: 'actor', title: 'ACTOR', value: actorText },
  { name: 'target', title: 'TARGET', value: targetText },
  { name: 'code', title: 'REFUSED', value: ({ code }) => code, color: () => 'red' },
  { name: 'ipAddress', title: 'FROM', value: ({ ipAddress }) => ipAddress ?? null },
];

export const tailCommand: CommandModule<GlobalArguments, TailArguments> = {
  command: 'tail',
  describe: 'Print the newest entries; JSON has one line per entry, with ids and names',
  builder: (argv) => {
    const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
    return listOptions(argv)
      .option('follow', { type: 'boolean', default: false, describe: 'Print new entries too' })
      .option('limit', {
        ...limitOption,
        default: '20',
        describe: 'Number of entries at the start',
      })
      .option('action', text('Only this action, such as user-updated'))
      .option(
        'actor',
        text(
          'Only entries of this user or id, or of service-account, operator, anonymous or system',
        ),
      )
      .option('target', text('Only entries about this user, group or permission, by name or id'))
      .option('since', text('Only from this time on, such as 2026-01-31T12:00:00Z'))
      .option('until', text('Only before this time'));
  },
  handler: async (args) => {
    const limit = parseLimit(args.limit);
    const format = parseFormat(args);
    const times = { since: parseTime('since', args), until: parseTime('until', args) };
    const work = async (app: AppContext, context: RequestContext) => {
      const filter = { ...times, ...(await findFilter(args, app, context)) };
      const tail = await app.audit.entries.tail({ filter, limit }, context);
      const printEntries = await createPrinter(format, args.terminal.stdout);
      const print = async (entries: Parameters<AppContext['audit']['names']['withNames']>[0]) =>
        printEntries(await app.audit.names.withNames(entries, context));
      await print(tail.entries);
      const stopping = args.follow ? untilInterrupted() : AbortSignal.abort();
      while (!stopping.aborted && isWritable(args.terminal)) {
        const { entries, hasMore } = await tail.next();
        if (entries.length > 0) await print(entries);
        if (!hasMore)
          await sleep(pollIntervalMs, undefined, { signal: stopping }).catch(() => undefined);
      }
    };
    await withAppContext(args.terminal, work, { purpose: 'read' });
  },
};

function parseTime(name: 'since' | 'until', args: TailArguments): Date | undefined {
  const text = args[name];
  const time = parseRfc3339(text);
  if (text === undefined || time) return time;
  throw new UsageError(`--${name} takes a time such as 2026-01-31T12:00:00Z.`);
}

async function findFilter(
  { action, actor, target }: TailArguments,
  { admin, audit }: AppContext,
  context: RequestContext,
): Promise<AuditFilter> {
  const isKind = actor !== undefined && actorKinds.includes(actor);
  return {
    action,
    actorKind: isKind ? actor : undefined,
    actorId:
      isKind || actor === undefined
        ? undefined
        : (parseId(actor) ?? (await admin.lookup.userId(actor, context))),
    targetId: target === undefined ? undefined : await audit.names.targetId(target, context),
  };
}

/** Prints entries in batches. The titles are printed once, before the first batch. */
async function createPrinter(
  format: Format,
  stdout: Output,
): Promise<(entries: readonly NamedAuditEntry[]) => Promise<unknown>> {
  if (format === 'json') {
    return (entries) =>
      write(entries.map((entry) => `${printableJson(JSON.stringify(entry))}\n`).join(''), stdout);
  }
  if (format === 'csv') {
    const csv = await createCsv(columns);
    await write(csv.header, stdout);
    return (entries) => write(csv.format(entries), stdout);
  }
  const table = createTable(columns, stdout);
  return (entries) => write(`${table.format(entries)}\n`, stdout);
}

/** Aborts on Ctrl-C, so that the command ends regularly and closes the database. */
function untilInterrupted(): AbortSignal {
  const interruption = new AbortController();
  process.once('SIGINT', () => interruption.abort());
  return interruption.signal;
}

function actorText({ actorKind, actorId, actorName }: NamedAuditEntry): string {
  return actorName ?? actorId ?? actorKind;
}

function targetText({ targetType, targetId, targetName }: NamedAuditEntry): string | null {
  if (targetType === null || targetId === null) return null;
  const name = targetName ?? targetId;
  return targetType === 'session' && targetName !== null
    ? `session of ${name}`
    : `${targetType} ${name}`;
}
