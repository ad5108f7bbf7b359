/** The objects of a file, before a reader turns them into people, and the two passes over them. */
import type {
  PeopleSource,
  ReaderOptions,
  SourceFault,
  SourceGroup,
  SourcePermission,
  SourcePerson,
} from '../source.ts';
import { FileNotes } from './file-notes.ts';
import type { OnChunk } from './text-file.ts';

export type SourceObject = Readonly<Record<string, unknown>>;

/** One object of a file. */
export interface SourceRecord {
  readonly position: number;
  readonly value: SourceObject;
}

/** Reads the file from its beginning. */
export type ReadRecords = (
  onChunk?: OnChunk,
) => AsyncIterable<readonly (SourceRecord | SourceFault)[]>;

/** The person of a record; undefined for a record that is no person. Counts what it leaves out in `notes`. */
export type ConvertRecord = (
  record: SourceRecord,
  notes: FileNotes,
) => SourcePerson | SourceFault | undefined;

export interface RecordSource {
  readonly read: ReadRecords;
  readonly convert: ConvertRecord;
  /** Is called after the first pass. */
  readonly definitions?: () => Definitions;
}

interface Definitions {
  readonly groups: readonly SourceGroup[];
  readonly permissions: readonly SourcePermission[];
}

/**
 * Reads the whole file once, so that a broken file is refused before the import writes anything, and for the notes
 * about the file. `people` of the result reads it again.
 */
export async function openRecords(
  { read, convert, definitions }: RecordSource,
  { onChunk }: ReaderOptions,
): Promise<PeopleSource> {
  const notes = new FileNotes();
  let total = 0;
  for await (const batch of read(onChunk)) {
    for (const item of batch) if (personOf(item, convert, notes)) total += 1;
  }
  return {
    groups: [],
    permissions: [],
    ...definitions?.(),
    people: peopleOf(read, convert),
    total,
    summary: notes.list(),
  };
}

async function* peopleOf(
  read: ReadRecords,
  convert: ConvertRecord,
): AsyncGenerator<SourcePerson | SourceFault> {
  const notes = new FileNotes();
  for await (const batch of read()) {
    for (const item of batch) {
      const person = personOf(item, convert, notes);
      if (person) yield person;
    }
  }
}

function personOf(
  item: SourceRecord | SourceFault,
  convert: ConvertRecord,
  notes: FileNotes,
): SourcePerson | SourceFault | undefined {
  return 'value' in item ? convert(item, notes) : item;
}

export function isObject(value: unknown): value is SourceObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Deeper values overflow the stack of functions that call themselves. */
const maxDepth = 64;

/** The value with null in the place of deeper values, which no field and no metadata can have. */
export function withoutDeepValues(value: unknown): unknown {
  return isTooDeep(value, maxDepth) ? cut(value, maxDepth) : value;
}

function isTooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isTooDeep(item, levels - 1));
}

function cut(value: unknown, levels: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (levels === 0) return null;
  if (Array.isArray(value)) return value.map((item) => cut(item, levels - 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, cut(item, levels - 1)]),
  );
}
