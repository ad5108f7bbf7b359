/**
 * Follows the audit log. Entries become visible in another order than that of their times and ids, as
 * transactions commit in any order. Within a chain the order of the sequence is that of the commits,
 * without gaps: a follower remembers a position in each chain, and misses nothing.
 */
import type { Context } from '../../core/actor.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import type { EntryRow } from '../audit/entry.ts';
import type { AuditEntry } from './audit-entries.ts';
import { type AuditFilter, auditConditions } from './audit-filter.ts';
import { requireAdministrator } from './rules.ts';

export interface AuditTail {
  /** The newest entries that match, oldest first. */
  readonly entries: readonly AuditEntry[];
  /** Entries that match and have come since the last call, and whether more are there already. */
  next(): Promise<{ readonly entries: readonly AuditEntry[]; readonly hasMore: boolean }>;
}

export interface AuditTails {
  /** @throws FORBIDDEN, VALIDATION_FAILED */
  tail(
    list: { readonly filter: AuditFilter; readonly limit: number },
    context: Context,
  ): Promise<AuditTail>;
}

interface Position {
  readonly chain: number;
  readonly sequence: string;
}

/** Entries of one chain that are read at once. */
const chainBatch = 250;

const positionsFrom = 'jsonb_to_recordset(?::jsonb) as p(chain smallint, sequence bigint)';

export function createAuditTails(parts: {
  readonly query: UnitOfWork['query'];
  readonly open: (rows: readonly EntryRow[]) => Promise<AuditEntry[]>;
}): AuditTails {
  const { query, open } = parts;

  const newest = async (
    positions: readonly Position[],
    { conditions, parameters }: ReturnType<typeof auditConditions>,
    limit: number,
  ) =>
    query<EntryRow>(
      `select t.* from audit_entries t
         join ${positionsFrom} on p.chain = t.chain and t.sequence <= p.sequence
       where ${['true', ...conditions].join(' and ')}
       order by t.at desc, t.id desc limit ?`,
      [JSON.stringify(positions), ...parameters, limit],
    );

  const behind = async (
    positions: readonly Position[],
    { conditions, parameters }: ReturnType<typeof auditConditions>,
  ) =>
    query<EntryRow & { readonly is_match: boolean }>(
      `select t.*, (${['true', ...conditions].join(' and ')}) as is_match
       from ${positionsFrom} cross join lateral (
         select * from audit_entries e where e.chain = p.chain and e.sequence > p.sequence
         order by e.sequence limit ${chainBatch}
       ) t order by t.at, t.id`,
      [...parameters, JSON.stringify(positions)],
    );

  return {
    async tail({ filter, limit }, context) {
      requireAdministrator(context, 'audit.view_entry');
      const wanted = auditConditions(filter);
      let positions = await query<Position>('select chain, sequence::text from audit_chains');
      const rows = await newest(positions, wanted, limit);
      return {
        entries: (await open(rows)).reverse(),
        async next() {
          const found = await behind(positions, wanted);
          positions = positions.map((position) => lastOf(position, found));
          const matching = found.filter(({ is_match: isMatch }) => isMatch);
          return { entries: await open(matching), hasMore: isFull(found) };
        },
      };
    },
  };
}

/** The position behind those of the rows that are in its chain. */
function lastOf(position: Position, rows: readonly EntryRow[]): Position {
  return rows
    .filter(({ chain }) => chain === position.chain)
    .reduce<Position>(
      (last, { chain, sequence }) =>
        BigInt(sequence) > BigInt(last.sequence) ? { chain, sequence: String(sequence) } : last,
      position,
    );
}

/** Whether a chain has given as many entries as it may. */
function isFull(rows: readonly EntryRow[]): boolean {
  const counts = new Map<number, number>();
  for (const { chain } of rows) counts.set(chain, (counts.get(chain) ?? 0) + 1);
  return [...counts.values()].some((count) => count >= chainBatch);
}
