/**
 * The sixteen chains of the audit log: locks one for a transaction and appends entries to its end. A
 * transaction uses one chain only, so that a long transaction delays no other one.
 */
import { timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import { type EntryRow, headMacOf, macOf, type UnchainedEntry } from './entry.ts';

/** The number of transactions that can write entries at once without waiting for each other. */
export const chainCount = 16;
/** Commands use the first chains only. Their transactions may last minutes; requests use the others. */
const commandChainCount = 4;

/** How long a transaction polls for a free chain before it waits for the lock of one. */
const pollTimeoutMs = { request: 2_000, command: 60_000 } as const;
const pollIntervalMs = { first: 5, last: 100 } as const;

/**
 * Replaces the MAC of the previous entry if the end of the chain is not signed with the current key. The entry is
 * signed, so the break stays visible.
 */
export const brokenLink = Buffer.from('broken');

export interface ChainEnd {
  readonly chain: number;
  readonly sequence: string;
  readonly mac: Buffer;
  readonly head_mac: Buffer;
}

/** The end of a chain, and the keys of the subject and the actor of the next entry, if they exist. */
export interface LockedChain extends ChainEnd {
  readonly subject_key: Buffer | null;
  readonly client_key: Buffer | null;
}

export interface KeyOwners {
  readonly subjectId: string;
  readonly clientKeyId: string;
}

export interface Chains {
  /**
   * Locks the chain of the current transaction. The first call chooses a free one. Needs a transaction.
   *
   * @param isCommand whether the transaction belongs to a command, which may be long
   */
  lock(owners: KeyOwners, isCommand: boolean): Promise<LockedChain>;
  /** Locks the chain of this number. Needs a transaction. */
  lockNumber(chain: number, owners: KeyOwners): Promise<LockedChain | undefined>;
  /** Signs an entry and adds it to the end of a locked chain. */
  append(end: ChainEnd, entry: UnchainedEntry, options?: { isBroken?: boolean }): Promise<void>;
}

const endSql = `
  select chain, sequence::text, mac, head_mac,
    (select sealed_key from audit_subject_keys where subject_id = ?) as subject_key,
    (select sealed_key from audit_subject_keys where subject_id = ?) as client_key
  from audit_chains`;
const anySql = `${endSql} where chain between 1 and ? order by random() limit 1 for update of audit_chains`;
const freeSql = `${anySql} skip locked`;
const numberSql = `${endSql} where chain = ? for update of audit_chains`;

const columns = [
  'id',
  'chain',
  'sequence',
  'at',
  'action',
  'outcome',
  'code',
  'actor_kind',
  'actor_id',
  'target_type',
  'target_id',
  'request_id',
  'subject_id',
  'details',
  'client',
  'previous_mac',
  'mac',
] as const satisfies readonly (keyof EntryRow)[];
const appendSql = `with entry as (
    insert into audit_entries (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})
  )
  update audit_chains set sequence = ?, mac = ?, head_mac = ? where chain = ?`;

export function createChains(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'query' | 'memoizeInTransaction'>;
  readonly log: Log;
  readonly key: Buffer;
}): Chains {
  const { query, memoizeInTransaction } = deps.unitOfWork;
  const { key } = deps;
  const chosenKey = {};

  const lockNumber: Chains['lockNumber'] = async (chain, owners) => {
    const [end] = await query<LockedChain>(numberSql, [
      owners.subjectId,
      owners.clientKeyId,
      chain,
    ]);
    return end;
  };

  /** Polls for any free chain: a wait for one chain would miss the others that become free. */
  const lockAny = async (
    { subjectId, clientKeyId }: KeyOwners,
    isCommand: boolean,
  ): Promise<LockedChain> => {
    const parameters = [subjectId, clientKeyId, isCommand ? commandChainCount : chainCount];
    const limit = performance.now() + pollTimeoutMs[isCommand ? 'command' : 'request'];
    let intervalMs: number = pollIntervalMs.first;
    do {
      const [free] = await query<LockedChain>(freeSql, parameters);
      if (free) return free;
      await sleep(intervalMs * (0.5 + Math.random()));
      intervalMs = Math.min(2 * intervalMs, pollIntervalMs.last);
    } while (performance.now() < limit);
    const [locked] = await query<LockedChain>(anySql, parameters);
    if (!locked) throw new Error('the audit log has no chain');
    return locked;
  };

  /** The highest sequence of the stored entries, for a chain with an end that cannot be trusted. */
  const lastSequence = async (chain: number): Promise<string> => {
    const [row] = await query<{ sequence: string }>(
      'select coalesce(max(sequence), 0)::text as sequence from audit_entries where chain = ?',
      [chain],
    );
    return row?.sequence ?? '0';
  };

  return {
    lockNumber,

    async lock(owners, isCommand) {
      const chosen = memoizeInTransaction<{ chain?: number }>(chosenKey, () => ({}));
      const again = chosen.chain && (await lockNumber(chosen.chain, owners));
      const end = again || (await lockAny(owners, isCommand));
      chosen.chain = end.chain;
      return end;
    },

    async append(end, entry, { isBroken = !isSigned(key, end) } = {}) {
      const { chain } = end;
      if (isBroken) {
        const text = 'the end of an audit chain is not signed with SECRET_KEY; run "audit verify"';
        deps.log.error({ component: 'audit', chain }, text);
      }
      const last = isBroken ? await lastSequence(chain) : end.sequence;
      const unsigned = {
        ...entry,
        chain,
        sequence: String(BigInt(last) + 1n),
        previous_mac: isBroken ? brokenLink : end.mac,
      };
      const row: EntryRow = { ...unsigned, mac: macOf(key, unsigned) };
      await query(appendSql, [
        ...columns.map((column) => row[column]),
        row.sequence,
        row.mac,
        headMacOf(key, chain, row.sequence, row.mac),
        chain,
      ]);
    },
  };
}

/** Whether the end of the chain is signed with this key. The end of an empty chain is not signed. */
export function isSigned(key: Buffer, { chain, sequence, mac, head_mac: headMac }: ChainEnd) {
  return sequence !== '0' && isEqual(headMacOf(key, chain, sequence, mac), headMac);
}

export function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
