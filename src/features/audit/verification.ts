/** Reads one chain of the audit log from its first entry to its end, and finds what is not as it was written. */

import { createHmac } from 'node:crypto';
import type { Clock } from '../../core/time.ts';
import { deriveKey } from '../../crypto/keys.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { brokenLink, type ChainEnd, chainCount, isEqual, isSigned } from './chains.ts';
import { chainStart, type EntryRow, macOf, nobodyId } from './entry.ts';
import { createSeals, createSubjectKeys } from './subject-keys.ts';

/**
 * `EDITED`: an entry is not what was written. `MISSING`: an entry was removed. `REORDERED`: an entry does
 * not continue the one before it. `CUT_OFF`: entries were removed from the end, now or before the entry at
 * this place. `NO_CHAIN`: the end of a chain was removed. `NO_START`: a chain was emptied, as its signed
 * first entry is not there. `UNKNOWN_CHAIN`: there is no chain of this number. `UNREADABLE`: the key of a
 * person who was not erased is not there, or another one.
 */
export type FaultKind =
  | 'EDITED'
  | 'MISSING'
  | 'REORDERED'
  | 'CUT_OFF'
  | 'NO_CHAIN'
  | 'NO_START'
  | 'UNKNOWN_CHAIN'
  | 'UNREADABLE';

export interface AuditFault {
  readonly kind: FaultKind;
  readonly chain: number;
  /** Place in the chain, from 1. */
  readonly sequence: string;
}

/** Places of a chain, with the MAC of each, that a checkpoint names. */
export type Places = ReadonlyMap<string, string>;

export interface ChainReading {
  readonly chain: number;
  readonly entries: number;
  readonly faults: readonly AuditFault[];
  /** Time of the signed first entry, if there is one. */
  readonly startedAt: string | undefined;
}

export interface ChainReader {
  /** Place of the entry that was read last; 0 at first. */
  last(): bigint;
  /** @param isReadable whether what is sealed in the entry can be opened, where it has to be */
  read(row: EntryRow, isReadable: boolean): void;
  /** @param end what the database has as the end of the chain; nothing when that row was removed */
  finish(end: ChainEnd | undefined): ChainReading;
}

function createChainReader(key: Buffer, chain: number, places: Places): ChainReader {
  const faults: AuditFault[] = [];
  let last = 0n;
  let lastMac: Buffer = Buffer.alloc(0);
  let entries = 0;
  let startedAt: string | undefined;
  const add = (kind: FaultKind, sequence: bigint) =>
    faults.push({ kind, chain, sequence: String(sequence) });

  /** Of an entry whose own MAC holds. */
  const checkLink = (row: EntryRow, sequence: bigint) => {
    if (isEqual(row.previous_mac, brokenLink)) add('CUT_OFF', sequence);
    else if (sequence === last + 1n && !isEqual(row.previous_mac, lastMac)) {
      add('REORDERED', sequence);
    }
  };

  return {
    last: () => last,

    read(row, isReadable) {
      const sequence = BigInt(row.sequence);
      const isEdited = !isEqual(macOf(key, row), row.mac);
      if (sequence !== last + 1n) add('MISSING', last + 1n);
      if (isEdited) add('EDITED', sequence);
      else checkLink(row, sequence);
      if (!isEdited && !isReadable) add('UNREADABLE', sequence);
      const noted = places.get(row.sequence);
      if (noted !== undefined && noted !== row.mac.toString('base64')) add('EDITED', sequence);
      if (!isEdited && row.action === chainStart) startedAt ??= row.at.toISOString();
      last = sequence;
      lastMac = row.mac;
      entries += 1;
    },

    finish(end) {
      const isWhole =
        end !== undefined &&
        isSigned(key, end) &&
        String(last) === end.sequence &&
        isEqual(lastMac, end.mac);
      const isShorter = [...places.keys()].some((sequence) => BigInt(sequence) > last);
      if (end === undefined) add('NO_CHAIN', last + 1n);
      if (startedAt === undefined) add('NO_START', 1n);
      if ((end !== undefined && !isWhole) || isShorter) add('CUT_OFF', last + 1n);
      return { chain, entries, faults, startedAt };
    },
  };
}

/** Where every chain stood; kept outside of the database it tells what was cut off since. */
export interface Checkpoint {
  readonly at: string;
  readonly chains: readonly {
    readonly chain: number;
    readonly sequence: string;
    readonly mac: string;
  }[];
  readonly signature: string;
}

export interface AuditVerification {
  readonly entries: number;
  /** When the chains were begun, as their first entries say; null when no chain holds one. */
  readonly startedAt: string | null;
  readonly faults: readonly AuditFault[];
}

export interface AuditVerifier {
  /** Reads every entry. @throws Error when the checkpoint is not one of ours */
  verify(checkpoint?: Checkpoint): Promise<AuditVerification>;
  /** Where the chains end; no checkpoint when one of these ends is not as it was written. */
  checkpoint(): Promise<{
    readonly checkpoint: Checkpoint | undefined;
    readonly faults: readonly AuditFault[];
  }>;
}

const batchSize = 1000;
const chainNumbers = Array.from({ length: chainCount }, (_, index) => index + 1);

export function createAuditVerifier(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly secretKey: string;
  readonly clock: Clock;
}): AuditVerifier {
  const { query, transaction } = deps.unitOfWork;
  const key = deriveKey(deps.secretKey, 'audit-chain');
  const seals = createSeals(query, createSubjectKeys(query, deps.secretKey));

  const loadEnds = async (): Promise<ReadonlyMap<number, ChainEnd>> => {
    const rows = await query<ChainEnd>(
      'select chain, sequence::text, mac, head_mac from audit_chains order by chain',
    );
    return new Map(rows.map((row) => [row.chain, row]));
  };

  /** Places are unique unless somebody dropped the constraint: entries of one place are all read. */
  const rowsAfter = (chain: number, { sequence, id }: Pick<EntryRow, 'sequence' | 'id'>) =>
    query<EntryRow>(
      `select * from audit_entries
       where chain = ? and sequence >= ? and (sequence > ? or id > ?::uuid)
       order by sequence, id limit ?`,
      [chain, sequence, sequence, id, batchSize],
    );

  const readChain = async (chain: number, end: ChainEnd | undefined, places: Places) => {
    const reader = createChainReader(key, chain, places);
    let last: Pick<EntryRow, 'sequence' | 'id'> = { sequence: '1', id: nobodyId };
    for (;;) {
      const rows = await rowsAfter(chain, last);
      const unreadable = await seals.unreadable(rows);
      for (const row of rows) reader.read(row, !unreadable.has(row.id));
      last = rows.at(-1) ?? last;
      if (rows.length < batchSize) return reader.finish(end);
    }
  };

  /** Chains that cannot be, and entries at places that cannot be. */
  const unknownPlaces = async (ends: ReadonlyMap<number, ChainEnd>): Promise<AuditFault[]> => {
    const rows = await query<{ chain: number; sequence: string }>(
      `select coalesce(chain, 0) as chain, coalesce(min(sequence), 0)::text as sequence
       from audit_entries
       where chain is null or sequence is null or id is null or sequence < 1
         or not chain = any(?::smallint[])
       group by 1`,
      [chainNumbers],
    );
    const ofEnds = [...ends.values()].filter(({ chain }) => !chainNumbers.includes(chain));
    const places = new Map([...ofEnds, ...rows].map((place) => [place.chain, place.sequence]));
    return [...places].map(([chain, sequence]) => ({
      kind: chainNumbers.includes(chain) ? 'EDITED' : 'UNKNOWN_CHAIN',
      chain,
      sequence,
    }));
  };

  const signatureOf = ({ at, chains }: Omit<Checkpoint, 'signature'>) =>
    createHmac('sha256', key)
      .update(JSON.stringify(['checkpoint', at, chains]))
      .digest('base64');

  return {
    verify: (checkpoint) =>
      transaction(async () => {
        if (checkpoint && signatureOf(checkpoint) !== checkpoint.signature) {
          throw new Error('The checkpoint is not one of this record, or was changed.');
        }
        await query('set transaction isolation level repeatable read read only');
        const ends = await loadEnds();
        const chains: ChainReading[] = [];
        for (const chain of chainNumbers) {
          chains.push(await readChain(chain, ends.get(chain), placesOf(checkpoint, chain)));
        }
        const startedAt = chains.flatMap((chain) => chain.startedAt ?? []).sort()[0] ?? null;
        const faults = [
          ...chains.flatMap((chain) => chain.faults),
          ...lateStarts(chains, startedAt),
          ...(await unknownPlaces(ends)),
        ];
        return {
          entries: chains.reduce((sum, { entries }) => sum + entries, 0),
          startedAt,
          faults,
        };
      }),

    async checkpoint() {
      const ends = await loadEnds();
      const faults = [
        ...chainNumbers.flatMap((chain) => faultsOfEnd(key, chain, ends.get(chain))),
        ...(await unknownPlaces(ends)),
      ];
      if (faults.length > 0) return { checkpoint: undefined, faults };
      const chains = [...ends.values()].map(({ chain, sequence, mac }) => ({
        chain,
        sequence,
        mac: mac.toString('base64'),
      }));
      const unsigned = { at: deps.clock().toISOString(), chains };
      return { checkpoint: { ...unsigned, signature: signatureOf(unsigned) }, faults };
    },
  };
}

function placesOf(checkpoint: Checkpoint | undefined, chain: number): Places {
  const places = checkpoint?.chains.filter(
    (place) => place.chain === chain && place.sequence !== '0',
  );
  return new Map(places?.map(({ sequence, mac }) => [sequence, mac]));
}

/** All chains are begun in one transaction; one that is younger was emptied and begun again. */
function lateStarts(chains: readonly ChainReading[], startedAt: string | null): AuditFault[] {
  return chains
    .filter((chain) => chain.startedAt !== undefined && chain.startedAt !== startedAt)
    .map(({ chain }) => ({ kind: 'NO_START', chain, sequence: '1' }));
}

function faultsOfEnd(key: Buffer, chain: number, end: ChainEnd | undefined): AuditFault[] {
  if (!end) return [{ kind: 'NO_CHAIN', chain, sequence: '1' }];
  if (isSigned(key, end)) return [];
  const kind = end.sequence === '0' ? 'NO_START' : 'CUT_OFF';
  return [{ kind, chain, sequence: end.sequence === '0' ? '1' : end.sequence }];
}
