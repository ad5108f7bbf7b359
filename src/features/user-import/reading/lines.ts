/** Reads the lines of a text file, and JSON objects of one line each, in bounded memory. */
import type { SourceFault } from '../source.ts';
import { isObject, type SourceRecord, withoutDeepValues } from './records.ts';
import { fileProblem, type OnChunk, readText } from './text-file.ts';

/** The maximum size of one person. */
export const maxPersonBytes = 1024 * 1024;

export const tooLargeMessage = 'The person has more than 1 MiB.';

interface Line {
  readonly position: number;
  /** Undefined for a line that is too large. */
  readonly text: string | undefined;
  /** Whether a line break follows. */
  readonly isTerminated: boolean;
}

/** A file whose first lines are no objects has another format. */
const maxFirstFaults = 100;

/**
 * The JSON objects of a file with one object per line, in batches. Empty lines are skipped. A line that is no object
 * is a fault, unless the last line is cut off, or no line at the beginning is an object.
 *
 * @throws VALIDATION_FAILED for a file that is no JSON Lines, is cut off, or is no text
 */
export async function* readJsonLines(
  path: string,
  onChunk?: OnChunk,
  maxLineBytes = maxPersonBytes,
): AsyncGenerator<readonly (SourceRecord | SourceFault)[], void, undefined> {
  let isKnown = false; // whether the file is JSON Lines
  let items: (SourceRecord | SourceFault)[] = [];
  for await (const lines of readLines(path, maxLineBytes, onChunk)) {
    for (const line of lines) {
      const item = parseLine(line, isKnown || items.length === 0);
      isKnown ||= 'value' in item;
      items.push(item);
      if (!isKnown && items.length === maxFirstFaults) throw notJsonLines(items);
    }
    if (!isKnown) continue;
    yield items;
    items = [];
  }
  if (!isKnown) throw items.length === 0 ? fileProblem('The file is empty.') : notJsonLines(items);
}

function notJsonLines([first]: readonly (SourceRecord | SourceFault)[]): Error {
  const position = first?.position ?? 1;
  return fileProblem(`Line ${position} is not a JSON object. Each line must be one JSON object.`);
}

function parseLine(
  { position, text, isTerminated }: Line,
  canBeCutOff: boolean,
): SourceRecord | SourceFault {
  if (text === undefined) return { position, message: tooLargeMessage };
  let value: unknown;
  try {
    value = withoutDeepValues(JSON.parse(text));
  } catch {
    if (!isTerminated && canBeCutOff) {
      throw fileProblem(`The file is cut off: its last line, ${position}, is no complete JSON.`);
    }
    return { position, message: 'The line is not valid JSON.' };
  }
  if (!isObject(value)) return { position, message: 'The line is not a JSON object.' };
  return { position, value };
}

/** The lines with text, in batches. A line ends with LF or CRLF. */
async function* readLines(
  path: string,
  maxLineBytes: number,
  onChunk?: OnChunk,
): AsyncGenerator<Line[]> {
  let position = 1;
  let rest: Buffer[] = []; // the beginning of a line
  let restBytes = 0;
  const take = (end: Buffer, isTerminated: boolean): Line | undefined => {
    const isTooLarge = restBytes + end.length > maxLineBytes;
    const bytes = rest.length === 0 || isTooLarge ? end : Buffer.concat([...rest, end]);
    const text = isTooLarge ? undefined : bytes.toString('utf8').trim();
    [rest, restBytes] = [[], 0];
    return text === '' ? undefined : { position, text, isTerminated };
  };
  for await (const bytes of readText(path, onChunk)) {
    const lines: Line[] = [];
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      const line = take(bytes.subarray(start, end), true);
      if (line) lines.push(line);
      start = end + 1;
      position += 1;
    }
    restBytes += bytes.length - start;
    rest = restBytes > maxLineBytes ? [] : [...rest, bytes.subarray(start)];
    yield lines;
  }
  const last = take(Buffer.alloc(0), false);
  if (last) yield [last];
}
