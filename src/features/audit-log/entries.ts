/** Reads the audit log as pages, or follows its end. Unseals the details whose key still exists. */
import type { RequestContext } from '../../core/request-context.ts';
import { tryUnseal } from '../../crypto/sealed-box.ts';
import { type Connection, connect } from '../../database/pagination/connection.ts';
import { orderBySql, type PageInput, type PageSource } from '../../database/pagination/paginate.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { requireAdministrator } from '../administration/policies.ts';
import {
  clientKeyIdOf,
  clientLabelOf,
  type EntryClient,
  type EntryDetails,
  type EntryRow,
} from '../audit/entry.ts';
import type { SubjectKeys } from '../audit/subject-keys.ts';
import { type AuditFilter, auditConditions } from './filter.ts';

/** An entry with unsealed details. */
export interface AuditEntry extends EntryDetails {
  readonly id: string;
  readonly at: Date;
  readonly action: string;
  readonly outcome: 'done' | 'refused';
  readonly code: string | null;
  readonly actorKind: string;
  readonly actorId: string | null;
  readonly targetType: string | null;
  readonly targetId: string | null;
  readonly requestId: string | null;
}

export interface AuditEntries extends AuditTails {
  /** Newest first. @throws FORBIDDEN, VALIDATION_FAILED */
  auditEntries(
    list: { page: PageInput; filter: AuditFilter },
    context: RequestContext,
  ): Promise<Connection<AuditEntry>>;
}

const newestFirst = { column: 'at', cast: 'timestamptz', isDescending: true };

export function createAuditEntries({
  query,
  subjectKeys,
}: {
  readonly query: UnitOfWork['query'];
  readonly subjectKeys: SubjectKeys;
}): AuditEntries {
  const open = async (rows: readonly EntryRow[]): Promise<AuditEntry[]> => {
    const owners = rows.flatMap((row) => [row.subject_id, clientKeyIdOf(row)]);
    const keys = await subjectKeys.find([...new Set(owners)]);
    return rows.map((row) => toEntry(row, keys));
  };

  const load = async (ids: readonly string[]) =>
    open(await query<EntryRow>('select * from audit_entries where id = any(?::uuid[])', [ids]));

  return {
    async auditEntries({ page, filter }, context) {
      requireAdministrator(context, 'audit.view_entry');
      return connect(query, pageSourceOf(filter), { order: newestFirst, page, load });
    },
    ...createAuditTails({ query, open }),
  };
}

function toEntry(row: EntryRow, keys: ReadonlyMap<string, Buffer>): AuditEntry {
  return {
    id: row.id,
    at: row.at,
    action: row.action,
    outcome: row.outcome,
    code: row.code,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    targetType: row.target_type,
    targetId: row.target_id,
    requestId: row.request_id,
    ...detailsOf(row, keys),
  };
}

/** The details without the data that is sealed with the key of an erased person. */
function detailsOf(row: EntryRow, keys: ReadonlyMap<string, Buffer>): EntryDetails {
  const { ipAddress, userAgent, ...changes } = unsealJson<EntryDetails>(
    keys.get(row.subject_id),
    row.id,
    row.details,
  );
  const clientKey = keys.get(clientKeyIdOf(row));
  if (row.client !== null) {
    return { ...changes, ...unsealJson<EntryClient>(clientKey, clientLabelOf(row.id), row.client) };
  }
  // An old entry has the client in its details. The client of an erased actor stays hidden here too.
  return clientKey
    ? {
        ...changes,
        ...(ipAddress === undefined ? {} : { ipAddress }),
        ...(userAgent === undefined ? {} : { userAgent }),
      }
    : changes;
}

/** Returns an empty object for a missing or another key; `audit verify` reports another key. */
function unsealJson<Content extends object>(
  key: Buffer | undefined,
  label: string,
  box: Buffer,
): Partial<Content> {
  const content = key && tryUnseal(key, label, Buffer.from(box));
  return content ? (JSON.parse(content.toString()) as Content) : {}; // only the audit log writes it
}

function pageSourceOf(filter: AuditFilter): PageSource {
  return { from: 'audit_entries t', ...auditConditions(filter) };
}

export interface AuditTail {
  /** The newest matching entries, in the order of their time. */
  readonly entries: readonly AuditEntry[];
  /** The matching entries since the last call, and whether further ones exist already. */
  next(): Promise<{ readonly entries: readonly AuditEntry[]; readonly hasMore: boolean }>;
}

export interface AuditTails {
  /** @throws FORBIDDEN, VALIDATION_FAILED */
  tail(
    list: { readonly filter: AuditFilter; readonly limit: number },
    context: RequestContext,
  ): Promise<AuditTail>;
}

interface Position {
  readonly chain: number;
  readonly sequence: string;
}

/** The number of entries that one query reads of each chain. */
const chainBatchSize = 250;

const positionsFrom = 'jsonb_to_recordset(?::jsonb) as p(chain smallint, sequence bigint)';

function createAuditTails(deps: {
  readonly query: UnitOfWork['query'];
  readonly open: (rows: readonly EntryRow[]) => Promise<AuditEntry[]>;
}): AuditTails {
  const { query, open } = deps;

  const findNewest = async (
    positions: readonly Position[],
    { conditions, parameters }: ReturnType<typeof auditConditions>,
    limit: number,
  ) =>
    query<EntryRow>(
      `select t.* from audit_entries t
         join ${positionsFrom} on p.chain = t.chain and t.sequence <= p.sequence
       where ${['true', ...conditions].join(' and ')}
       ${orderBySql(newestFirst)} limit ?`,
      [JSON.stringify(positions), ...parameters, limit],
    );

  const findAfter = async (
    positions: readonly Position[],
    { conditions, parameters }: ReturnType<typeof auditConditions>,
  ) =>
    query<EntryRow & { readonly is_match: boolean }>(
      `select t.*, (${['true', ...conditions].join(' and ')}) as is_match
       from ${positionsFrom} cross join lateral (
         select * from audit_entries e where e.chain = p.chain and e.sequence > p.sequence
         order by e.sequence limit ${chainBatchSize}
       ) t order by t.at, t.id`,
      [...parameters, JSON.stringify(positions)],
    );

  return {
    async tail({ filter, limit }, context) {
      requireAdministrator(context, 'audit.view_entry');
      const wanted = auditConditions(filter);
      let positions = await query<Position>('select chain, sequence::text from audit_chains');
      const rows = await findNewest(positions, wanted, limit);
      return {
        entries: (await open(rows)).reverse(),
        async next() {
          const found = await findAfter(positions, wanted);
          positions = positions.map((position) => advance(position, found));
          const matching = found.filter(({ is_match: isMatch }) => isMatch);
          return { entries: await open(matching), hasMore: isBatchFull(found) };
        },
      };
    },
  };
}

/** The position of the last row of the same chain. */
function advance(position: Position, rows: readonly EntryRow[]): Position {
  return rows
    .filter(({ chain }) => chain === position.chain)
    .reduce<Position>(
      (last, { chain, sequence }) =>
        BigInt(sequence) > BigInt(last.sequence) ? { chain, sequence: String(sequence) } : last,
      position,
    );
}

/** Whether the batch of a chain is full, so that the chain may have further entries. */
function isBatchFull(rows: readonly EntryRow[]): boolean {
  const counts = new Map<number, number>();
  for (const { chain } of rows) counts.set(chain, (counts.get(chain) ?? 0) + 1);
  return [...counts.values()].some((count) => count >= chainBatchSize);
}
