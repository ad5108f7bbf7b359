/** Reads the entries of one chain of the audit log in order and collects the faults. */
import { brokenLink, isEqual, isSigned } from './chains.ts';
import type { ChainEnd } from './entry.ts';
import { chainStart, type EntryRow, macOf } from './entry.ts';

/**
 * `EDITED`: an entry differs from its MAC. `MISSING`: an entry was removed. `REORDERED`: an entry does not
 * continue the previous one. `CUT_OFF`: entries were removed from the end, or in front of an entry with a
 * broken link. `NO_CHAIN`: the row with the end of a chain was removed. `NO_START`: the signed first entry
 * is missing, because the chain was emptied. `UNKNOWN_CHAIN`: the number of the chain is not valid.
 * `UNREADABLE`: the key of a person was removed or replaced without an erasure.
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
  /** The position in the chain, from 1. */
  readonly sequence: string;
}

/** The MACs of a chain that a checkpoint contains, by their position. */
export type CheckpointMacs = ReadonlyMap<string, string>;

export interface ChainReading {
  readonly chain: number;
  readonly entries: number;
  readonly faults: readonly AuditFault[];
  /** The time of the signed first entry, if it exists. */
  readonly startedAt: string | undefined;
}

export interface ChainReader {
  /** @param isReadable whether the sealed data opens, or its person was erased */
  read(row: EntryRow, isReadable: boolean): void;
  /** @param end the stored end of the chain; undefined if the row was removed */
  finish(end: ChainEnd | undefined): ChainReading;
}

export function createChainReader(
  key: Buffer,
  chain: number,
  checkpointMacs: CheckpointMacs,
): ChainReader {
  const faults: AuditFault[] = [];
  let last = 0n;
  let lastMac: Buffer = Buffer.alloc(0);
  let entries = 0;
  let startedAt: string | undefined;
  const add = (kind: FaultKind, sequence: bigint) =>
    faults.push({ kind, chain, sequence: String(sequence) });

  /** For an entry with a valid MAC. */
  const checkLink = (row: EntryRow, sequence: bigint) => {
    if (isEqual(row.previous_mac, brokenLink)) add('CUT_OFF', sequence);
    else if (sequence === last + 1n && !isEqual(row.previous_mac, lastMac)) {
      add('REORDERED', sequence);
    }
  };

  return {
    read(row, isReadable) {
      const sequence = BigInt(row.sequence);
      const isEdited = !isEqual(macOf(key, row), row.mac);
      if (sequence !== last + 1n) add('MISSING', last + 1n);
      if (isEdited) add('EDITED', sequence);
      else checkLink(row, sequence);
      if (!isEdited && !isReadable) add('UNREADABLE', sequence);
      const expectedMac = checkpointMacs.get(row.sequence);
      if (expectedMac !== undefined && expectedMac !== row.mac.toString('base64'))
        add('EDITED', sequence);
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
      const isShorter = [...checkpointMacs.keys()].some((sequence) => BigInt(sequence) > last);
      if (end === undefined) add('NO_CHAIN', last + 1n);
      if (startedAt === undefined) add('NO_START', 1n);
      if ((end !== undefined && !isWhole) || isShorter) add('CUT_OFF', last + 1n);
      return { chain, entries, faults, startedAt };
    },
  };
}
