/** Reads the objects of a file that is a JSON array, JSON Lines, or CSV. */
import type { SourceFault } from '../source.ts';
import { readCsvRecords } from './csv-records.ts';
import { type JsonItem, readJsonItems } from './json-items.ts';
import { readJsonLines, tooLargeMessage } from './lines.ts';
import { isObject, type SourceRecord } from './records.ts';
import { firstCharacter, type OnChunk } from './text-file.ts';

type Batch = readonly (SourceRecord | SourceFault)[];

/** Positions are numbers in an array, and lines in other files. */
export async function* readObjects(
  path: string,
  onChunk?: OnChunk,
): AsyncGenerator<Batch, void, undefined> {
  const first = await firstCharacter(path);
  if (first === '[') yield* readArray(path, onChunk);
  else if (first === '{') yield* readJsonLines(path, onChunk);
  else yield* readCsvRecords(path, onChunk);
}

/** The objects of a JSON array. */
export async function* readArray(
  path: string,
  onChunk?: OnChunk,
): AsyncGenerator<Batch, void, undefined> {
  let position = 0;
  for await (const batch of readJsonItems(path, ['$.*'], onChunk)) {
    yield batch.map((item) => {
      position += 1;
      return recordOf(item, position);
    });
  }
}

export function recordOf({ value, fault }: JsonItem, position: number): SourceRecord | SourceFault {
  if (fault !== undefined) return { position, message: tooLargeMessage };
  return isObject(value) ? { position, value } : { position, message: 'Is not an object.' };
}
