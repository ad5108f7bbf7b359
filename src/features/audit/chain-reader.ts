/** Reads one chain of the audit log from its first entry to its end, and finds what is not as it was written. */
import { brokenLink, type ChainEnd, isEqual, isSigned } from './chains.ts';
import { chainStart, type EntryRow, macOf } from './entry.ts';

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

export function createChainReader(key: Buffer, chain: number, places: Places): ChainReader {
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
      if (!isEdited && row.action === chainStart) startedAt ??= new Date(row.at).toISOString();
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
