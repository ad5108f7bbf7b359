/**
 * The sixteen chains of the audit log: choosing and locking one for a transaction, and adding an entry to
 * its end. A transaction uses one chain, however many entries it writes, so that it delays nobody else.
 */
import { timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { deriveKey } from '../../crypto/keys.ts';
import { seal } from '../../crypto/sealed-box.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import { logSecurityEvent } from '../../observability/security-log.ts';
import {
  chainStart,
  type EntryRow,
  headMacOf,
  macOf,
  nobodyId,
  type UnchainedEntry,
} from './entry.ts';
import { createSubjectKeys } from './subject-keys.ts';

/** Transactions that can write entries at once without waiting for each other. */
export const chainCount = 16;
/**
 * Commands use the first of them only. Their transactions may take minutes, and requests still find the
 * others free.
 */
const commandChainCount = 4;

/** Milliseconds in which a transaction looks for any free chain, before it waits for one. */
const searchMilliseconds = { request: 2_000, command: 60_000 } as const;
const pauseMilliseconds = { first: 5, last: 100 } as const;

/**
 * Stands in place of the MAC before an entry when the end of the chain was not signed with our key. The
 * entry is signed, so the break stays visible.
 */
export const brokenLink = Buffer.from('broken');

export interface ChainEnd {
  readonly chain: number;
  readonly sequence: string;
  readonly mac: Buffer;
  readonly head_mac: Buffer;
}

/** The end of a chain, with the keys of the two persons of the next entry, if they have any yet. */
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
   * Locks the chain of the transaction at hand, a free one at first. Needs a transaction.
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
  readonly unitOfWork: Pick<UnitOfWork, 'query' | 'ofTransaction'>;
  readonly log: Log;
  readonly key: Buffer;
}): Chains {
  const { query, ofTransaction } = deps.unitOfWork;
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

  /** Looks again and again: waiting for one chain would miss all others that become free. */
  const lockAny = async (
    { subjectId, clientKeyId }: KeyOwners,
    isCommand: boolean,
  ): Promise<LockedChain> => {
    const parameters = [subjectId, clientKeyId, isCommand ? commandChainCount : chainCount];
    const limit = performance.now() + searchMilliseconds[isCommand ? 'command' : 'request'];
    let pause: number = pauseMilliseconds.first;
    do {
      const [free] = await query<LockedChain>(freeSql, parameters);
      if (free) return free;
      await sleep(pause * (0.5 + Math.random()));
      pause = Math.min(2 * pause, pauseMilliseconds.last);
    } while (performance.now() < limit);
    const [waitedFor] = await query<LockedChain>(anySql, parameters);
    if (!waitedFor) throw new Error('the audit log has no chain');
    return waitedFor;
  };

  /** Where an entry goes when the end of the chain cannot be trusted: behind all that is there. */
  const realEnd = async (chain: number): Promise<string> => {
    const [row] = await query<{ sequence: string }>(
      'select coalesce(max(sequence), 0)::text as sequence from audit_entries where chain = ?',
      [chain],
    );
    return row?.sequence ?? '0';
  };

  return {
    lockNumber,

    async lock(owners, isCommand) {
      const chosen = ofTransaction<{ chain?: number }>(chosenKey, () => ({}));
      const again = chosen.chain && (await lockNumber(chosen.chain, owners));
      const end = again || (await lockAny(owners, isCommand));
      chosen.chain = end.chain;
      return end;
    },

    async append(end, entry, { isBroken = !isSigned(key, end) } = {}) {
      const { chain } = end;
      if (isBroken) {
        const text = 'the head of an audit chain is not signed with SECRET_KEY; run "audit verify"';
        deps.log.error({ component: 'audit', chain }, text);
      }
      const last = isBroken ? await realEnd(chain) : end.sequence;
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

/** Whether the end of the chain was written with this key. A chain without an entry has no such end. */
export function isSigned(key: Buffer, { chain, sequence, mac, head_mac: headMac }: ChainEnd) {
  return sequence !== '0' && isEqual(headMacOf(key, chain, sequence, mac), headMac);
}

export function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

interface FoundRow {
  /** Time of the transaction, the same in all first entries. */
  readonly now: Date;
  /** Whether there are users, none of whom could be created without an entry, and no entry. */
  readonly is_emptied: boolean;
  /** Numbers of chains that hold entries already. */
  readonly used: readonly number[];
}

const foundSql = `
  select now() as now,
    exists (select 1 from users) and not exists (select 1 from audit_entries) as is_emptied,
    array(
      select chain from generate_series(1, ${chainCount}) chain
      where exists (select 1 from audit_entries e where e.chain = chain.chain)
    ) as used`;

/**
 * Adds a first entry to every chain; a chain in use keeps its entries and gets it behind them. Needs the
 * transaction of the migration. An end that our key did not sign is continued as a broken one, so that
 * removals from before the migration stay visible.
 */
export async function startAuditChains(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly log: Log;
  readonly secretKey: string;
}): Promise<void> {
  const { unitOfWork, log, secretKey } = deps;
  const chains = createChains({ unitOfWork, log, key: deriveKey(secretKey, 'audit-chain') });
  const [found] = await unitOfWork.query<FoundRow>(foundSql);
  if (!found) throw new Error('the database does not answer');
  const at = found.now;
  const used = new Set(found.used);
  const key = await createSubjectKeys(unitOfWork.query, secretKey).create(nobodyId);
  for (let chain = 1; chain <= chainCount; chain += 1) {
    const end = await chains.lockNumber(chain, { subjectId: nobodyId, clientKeyId: nobodyId });
    if (!end) continue; // removed already; a verification reports it
    const isNew = end.sequence === '0' && end.mac.length === 0 && !used.has(chain);
    await chains.append(end, startOf(at, key), isNew ? { isBroken: found.is_emptied } : {});
  }
  unitOfWork.afterCommit(() =>
    logSecurityEvent(log, { event: chainStart, outcome: 'done', at: at.toISOString() }),
  );
}

function startOf(at: Date, key: Buffer): UnchainedEntry {
  const id = uuidv7();
  return {
    id,
    at,
    action: chainStart,
    outcome: 'done',
    code: null,
    actor_kind: 'system',
    actor_id: null,
    target_type: null,
    target_id: null,
    request_id: null,
    subject_id: nobodyId,
    details: seal(key, id, Buffer.from('{}')),
    client: null,
  };
}
