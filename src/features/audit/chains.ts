/**
 * The sixteen chains of the audit log. A transaction locks one and appends its entries to the end; it uses one chain
 * only, so that a long transaction delays no other one. A write of one statement takes no lock before: its entries
 * are signed for the end of a free chain, and the statement appends them if the chain still has this end.
 */
import { timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import {
  type ChainEnd,
  chainCount,
  type EntryRow,
  headMacOf,
  macOf,
  nilId,
  type UnchainedEntry,
} from './entry.ts';

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
  /** Signs entries and adds them to the end of a locked chain. */
  append(
    end: ChainEnd,
    entries: readonly UnchainedEntry[],
    options?: { isBroken?: boolean },
  ): Promise<void>;
  /**
   * Signs entries for the end of a free chain, and calls `write` with the argument of `append_audit_entries` until the
   * chain has not moved in the meantime. Not inside a transaction.
   */
  appendToFree<Result extends { readonly outcome: AppendOutcome }>(
    entries: readonly UnchainedEntry[],
    write: (continuation: string) => Promise<Result>,
  ): Promise<Result>;
  /** A `write` for entries without another change. */
  writeAlone(continuation: string): Promise<{ readonly outcome: AppendOutcome }>;
}

/** `chain-moved`: nothing was written, because the chain has another end or is locked. Other outcomes are final. */
export type AppendOutcome = 'appended' | 'chain-moved' | 'rejected' | 'denied';

const endSql = `
  select chain, sequence::text, mac, head_mac,
    (select sealed_key from audit_subject_keys where subject_id = ?) as subject_key,
    (select sealed_key from audit_subject_keys where subject_id = ?) as client_key
  from audit_chains`;
const anySql = `${endSql} where chain between 1 and ? order by random() limit 1 for update of audit_chains`;
const freeSql = `${anySql} skip locked`;
const numberSql = `${endSql} where chain = ? for update of audit_chains`;

interface AppendRow {
  readonly outcome: AppendOutcome;
}

const appendSql = (placeholder: string) =>
  `select case when append_audit_entries(${placeholder}) then 'appended' else 'chain-moved' end as outcome`;
const appendAlone: Statement = { name: 'append-audit-entries', text: appendSql('$1') };

export function createChains(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'query' | 'execute' | 'memoizeInTransaction'>;
  readonly log: Log;
  readonly key: Buffer;
}): Chains {
  const { query, execute, memoizeInTransaction } = deps.unitOfWork;
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

  /** The argument of `append_audit_entries`, and the end of the chain after it. */
  const sign = async (
    end: ChainEnd,
    entries: readonly UnchainedEntry[],
    isBroken = !isSigned(key, end),
  ): Promise<{ readonly continuation: string; readonly next: ChainEnd }> => {
    const { chain } = end;
    if (isBroken) {
      const text = 'the end of an audit chain is not signed with SECRET_KEY; run "audit verify"';
      deps.log.error({ component: 'audit', chain }, text);
    }
    let sequence = isBroken ? await lastSequence(chain) : end.sequence;
    let mac = isBroken ? brokenLink : end.mac;
    const rows = entries.map((entry): EntryRow => {
      sequence = String(BigInt(sequence) + 1n);
      const unsigned = { ...entry, chain, sequence, previous_mac: mac };
      mac = macOf(key, unsigned);
      return { ...unsigned, mac };
    });
    const next = { chain, sequence, mac, head_mac: headMacOf(key, chain, sequence, mac) };
    const json = { end: jsonRow(end), next: jsonRow(next), entries: rows.map(jsonRow) };
    return { continuation: JSON.stringify(json), next };
  };

  /** Ends that this process wrote and does not use at the moment. The most recent one is the last. */
  const knownEnds = new Map<number, ChainEnd>();

  /** The end of a chain that this process wrote recently, or of one that no transaction holds. */
  const takeEnd = async (): Promise<ChainEnd> => {
    const recent = [...knownEnds.values()].at(-1);
    if (!recent) return lockAny({ subjectId: nilId, clientKeyId: nilId }, false); // for one statement only
    knownEnds.delete(recent.chain);
    return recent;
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

    async append(end, entries, { isBroken } = {}) {
      const { continuation } = await sign(end, entries, isBroken);
      const [row] = await query<AppendRow>(appendSql('?'), [continuation]);
      if (row?.outcome !== 'appended') throw new Error('the locked chain has moved');
    },

    async writeAlone(continuation) {
      const [row] = await execute<AppendRow>(appendAlone, [continuation]);
      if (!row) throw new Error('append_audit_entries returned no row');
      return row;
    },

    async appendToFree(entries, write) {
      for (;;) {
        const end = await takeEnd();
        const { continuation, next } = await sign(end, entries);
        const result = await write(continuation);
        if (result.outcome === 'chain-moved') {
          knownEnds.clear(); // other processes write, so the other ends are probably outdated too
          continue;
        }
        const last = result.outcome === 'appended' ? next : end;
        knownEnds.set(last.chain, last);
        return result;
      }
    },
  };
}

/** Bytes in the text format of PostgreSQL. */
function jsonRow(row: object): object {
  const values = Object.entries(row).map(([name, value]) => [
    name,
    Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value,
  ]);
  return Object.fromEntries(values);
}

/** Whether the end of the chain is signed with this key. The end of an empty chain is not signed. */
export function isSigned(key: Buffer, { chain, sequence, mac, head_mac: headMac }: ChainEnd) {
  return sequence !== '0' && isEqual(headMacOf(key, chain, sequence, mac), headMac);
}

export function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
