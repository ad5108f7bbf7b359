/** Verifies all chains of the audit log, also against a checkpoint, and writes checkpoints. */

import { createHmac } from 'node:crypto';
import type { Clock } from '../../core/time.ts';
import { deriveKey } from '../../crypto/keys.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import {
  type AuditFault,
  type ChainReading,
  type CheckpointMacs,
  createChainReader,
} from './chain-reader.ts';
import { isSigned } from './chains.ts';
import { type ChainEnd, chainCount, type EntryRow, nilId } from './entry.ts';
import { createSealCheck, createSubjectKeys } from './subject-keys.ts';

/** The ends of all chains at a time. A copy outside of the database shows entries that were cut off later. */
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
  /** The time of the first entries; null if no chain has one. */
  readonly startedAt: string | null;
  readonly faults: readonly AuditFault[];
}

export interface AuditVerifier {
  /** Reads every entry. @throws Error for a checkpoint without a valid signature */
  verify(checkpoint?: Checkpoint): Promise<AuditVerification>;
  /** Creates a checkpoint of the ends of the chains; none if one of the ends is faulty. */
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
  const sealCheck = createSealCheck(query, createSubjectKeys(query, deps.secretKey));

  const loadEnds = async (): Promise<ReadonlyMap<number, ChainEnd>> => {
    const rows = await query<ChainEnd>(
      'select chain, sequence::text, mac, head_mac from audit_chains order by chain',
    );
    return new Map(rows.map((row) => [row.chain, row]));
  };

  /** Positions may be double if the unique constraint was dropped. All entries of a position are read. */
  const rowsAfter = (chain: number, { sequence, id }: Pick<EntryRow, 'sequence' | 'id'>) =>
    query<EntryRow>(
      `select * from audit_entries
       where chain = ? and sequence >= ? and (sequence > ? or id > ?::uuid)
       order by sequence, id limit ?`,
      [chain, sequence, sequence, id, batchSize],
    );

  const readChain = async (chain: number, end: ChainEnd | undefined, macs: CheckpointMacs) => {
    const reader = createChainReader(key, chain, macs);
    let last: Pick<EntryRow, 'sequence' | 'id'> = { sequence: '1', id: nilId };
    for (;;) {
      const rows = await rowsAfter(chain, last);
      const unreadable = await sealCheck.unreadable(rows);
      for (const row of rows) reader.read(row, !unreadable.has(row.id));
      last = rows.at(-1) ?? last;
      if (rows.length < batchSize) return reader.finish(end);
    }
  };

  /** Ends and entries with a chain or position that is not valid. */
  const invalidPositions = async (ends: ReadonlyMap<number, ChainEnd>): Promise<AuditFault[]> => {
    const rows = await query<{ chain: number; sequence: string }>(
      `select coalesce(chain, 0) as chain, coalesce(min(sequence), 0)::text as sequence
       from audit_entries
       where chain is null or sequence is null or id is null or sequence < 1
         or not chain = any(?::smallint[])
       group by 1`,
      [chainNumbers],
    );
    const ofEnds = [...ends.values()].filter(({ chain }) => !chainNumbers.includes(chain));
    const positions = new Map([...ofEnds, ...rows].map((row) => [row.chain, row.sequence]));
    return [...positions].map(([chain, sequence]) => ({
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
          throw new Error('The checkpoint is not one of this audit log, or was changed.');
        }
        await query('set transaction isolation level repeatable read read only');
        const ends = await loadEnds();
        const chains: ChainReading[] = [];
        for (const chain of chainNumbers) {
          chains.push(await readChain(chain, ends.get(chain), checkpointMacsOf(checkpoint, chain)));
        }
        const startedAt = chains.flatMap((chain) => chain.startedAt ?? []).sort()[0] ?? null;
        const faults = [
          ...chains.flatMap((chain) => chain.faults),
          ...lateStarts(chains, startedAt),
          ...(await invalidPositions(ends)),
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
        ...(await invalidPositions(ends)),
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

function checkpointMacsOf(checkpoint: Checkpoint | undefined, chain: number): CheckpointMacs {
  const ends = checkpoint?.chains.filter((end) => end.chain === chain && end.sequence !== '0');
  return new Map(ends?.map(({ sequence, mac }) => [sequence, mac]));
}

/** All chains start in one transaction. A chain with a later start was emptied and started again. */
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
