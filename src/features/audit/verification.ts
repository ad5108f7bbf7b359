/** Whether the record is what was written: nothing edited, removed, put elsewhere or cut off. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../core/clock.ts';
import { deriveKey } from '../../core/keys.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { type EntryRow, headMacOf, macOf } from './entry.ts';

export type FaultKind = 'EDITED' | 'MISSING' | 'REORDERED' | 'CUT_OFF';

export interface AuditFault {
  readonly kind: FaultKind;
  readonly chain: number;
  /** Place in the chain, from 1. */
  readonly sequence: string;
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
  readonly faults: readonly AuditFault[];
}

export interface AuditVerifier {
  /** Reads every entry. @throws Error when the checkpoint is not one of ours */
  verify(checkpoint?: Checkpoint): Promise<AuditVerification>;
  checkpoint(): Promise<Checkpoint>;
}

interface Head {
  readonly chain: number;
  readonly sequence: string;
  readonly mac: Buffer;
  readonly head_mac: Buffer;
}

const batch = 1000;

export function createAuditVerifier(parts: {
  readonly unitOfWork: UnitOfWork;
  readonly secretKey: string;
  readonly clock: Clock;
}): AuditVerifier {
  const { query, run } = parts.unitOfWork;
  const key = deriveKey(parts.secretKey, 'audit-chain');

  const heads = () =>
    query<Head>('select chain, sequence::text, mac, head_mac from audit_chains order by chain');

  /** Reads one chain to its end; `places` are those of the checkpoint. */
  const readChain = async (head: Head, places: ReadonlyMap<string, string>) => {
    const faults: AuditFault[] = [];
    const add = (kind: FaultKind, sequence: bigint) =>
      faults.push({ kind, chain: head.chain, sequence: String(sequence) });
    let last = 0n;
    let lastMac: Buffer = Buffer.alloc(0);
    let entries = 0;
    for (;;) {
      const rows = await query<EntryRow>(
        `select * from audit_entries
         where chain = ? and sequence > ? order by sequence limit ?`,
        [head.chain, String(last), batch],
      );
      for (const row of rows) {
        const sequence = BigInt(row.sequence);
        const isEdited = !isEqual(macOf(key, row), row.mac);
        if (isEdited) add('EDITED', sequence);
        if (sequence !== last + 1n) add('MISSING', last + 1n);
        else if (!isEdited && !isEqual(row.previous_mac, lastMac)) add('REORDERED', sequence);
        const noted = places.get(row.sequence);
        if (noted !== undefined && noted !== row.mac.toString('base64')) add('EDITED', sequence);
        last = sequence;
        lastMac = row.mac;
        entries += 1;
      }
      if (rows.length < batch) break;
    }
    const isHeadOurs =
      head.sequence === '0'
        ? head.mac.length === 0
        : isEqual(headMacOf(key, head.chain, head.sequence, head.mac), head.head_mac);
    if (!isHeadOurs || String(last) !== head.sequence || !isEqual(lastMac, head.mac)) {
      add('CUT_OFF', last + 1n);
    }
    const isShorter = [...places.keys()].some((sequence) => BigInt(sequence) > last);
    if (isShorter && faults.at(-1)?.kind !== 'CUT_OFF') add('CUT_OFF', last + 1n);
    return { entries, faults };
  };

  const signatureOf = ({ at, chains }: Omit<Checkpoint, 'signature'>) =>
    createHmac('sha256', key)
      .update(JSON.stringify(['checkpoint', at, chains]))
      .digest('base64');

  return {
    verify: (checkpoint) =>
      run(async () => {
        if (checkpoint && signatureOf(checkpoint) !== checkpoint.signature) {
          throw new Error('The checkpoint is not one of this record, or was changed.');
        }
        await query('set transaction isolation level repeatable read read only');
        const results = [];
        for (const head of await heads()) {
          const place = checkpoint?.chains.find(({ chain }) => chain === head.chain);
          const isUsed = place !== undefined && place.sequence !== '0';
          results.push(await readChain(head, new Map(isUsed ? [[place.sequence, place.mac]] : [])));
        }
        return {
          entries: results.reduce((sum, { entries }) => sum + entries, 0),
          faults: results.flatMap(({ faults }) => faults),
        };
      }),

    async checkpoint() {
      const chains = (await heads()).map(({ chain, sequence, mac }) => ({
        chain,
        sequence,
        mac: mac.toString('base64'),
      }));
      const unsigned = { at: parts.clock().toISOString(), chains };
      return { ...unsigned, signature: signatureOf(unsigned) };
    },
  };
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
