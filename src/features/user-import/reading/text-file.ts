/**
 * Reads a text file in chunks of valid UTF-8, in bounded memory. A file that is no plain UTF-8 text is refused with
 * the position of the fault. Messages never contain text of the file, which can be secret.
 */
import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { FileError, fileCause, Problem } from '../../../core/errors.ts';

const chunkBytes = 256 * 1024;

/** Gets the bytes of the file in their order, such as for a digest. */
export type OnChunk = (bytes: Uint8Array) => void;

/** The problem of a file that cannot be imported. */
export function fileProblem(message: string): Problem {
  return new Problem('VALIDATION_FAILED', { fields: [{ path: 'file', message }] });
}

/**
 * The bytes of the file without a byte order mark. Each chunk is valid UTF-8 and ends after a whole character. The
 * file is closed at the end, and when the caller stops early.
 *
 * @throws VALIDATION_FAILED for a file that is missing, empty, compressed, or not UTF-8
 */
export async function* readText(
  path: string,
  onChunk?: OnChunk,
): AsyncGenerator<Buffer, void, undefined> {
  const handle = await openRegularFile(path);
  try {
    let offset = 0; // of the first byte in `rest`
    let rest: Buffer = Buffer.alloc(0); // the beginning of a character
    for (;;) {
      const buffer = Buffer.allocUnsafe(rest.length + chunkBytes);
      rest.copy(buffer);
      const { bytesRead } = await handle.read(buffer, rest.length, chunkBytes).catch((error) => {
        throw new FileError(`${path} cannot be read: ${fileCause(error)}.`);
      });
      const bytes = buffer.subarray(0, rest.length + bytesRead);
      onChunk?.(bytes.subarray(rest.length));
      if (offset === 0) assertPlainText(bytes);
      if (bytes.length === 0) return;
      const length = bytesRead === 0 ? bytes.length : lengthOfWholeCharacters(bytes);
      const whole = bytes.subarray(0, length);
      const fault = invalidByte(whole);
      if (fault !== undefined) throw await encodingProblem(path, offset + fault);
      yield offset === 0 && startsWith(whole, byteOrderMark) ? whole.subarray(3) : whole;
      rest = bytes.subarray(length);
      offset += length;
    }
  } finally {
    await handle.close();
  }
}

/** Where a byte of the file is, such as `line 3 (byte 1,234 of the file)`. */
export async function describePosition(path: string, offset: number): Promise<string> {
  const handle = await open(path);
  try {
    let line = 1;
    for (let start = 0; start < offset; start += chunkBytes) {
      const length = Math.min(chunkBytes, offset - start);
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start);
      for (let at = buffer.indexOf(10); at >= 0; at = buffer.indexOf(10, at + 1)) line += 1;
      if (bytesRead === 0) break;
    }
    return `line ${line} (byte ${offset + 1} of the file)`;
  } finally {
    await handle.close();
  }
}

/** The first byte that is neither white space nor a byte order mark; undefined for a file without one. */
export async function firstCharacter(path: string): Promise<string | undefined> {
  for await (const bytes of readText(path)) {
    const character = bytes.toString('utf8').trimStart()[0];
    if (character !== undefined) return character;
  }
  return undefined;
}

async function openRegularFile(path: string): Promise<FileHandle> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw fileProblem(`${path} does not exist.`);
    throw fileProblem(`${path} cannot be read: ${fileCause(error)}.`);
  });
  const stats = await handle.stat();
  if (stats.isFile()) return handle;
  await handle.close();
  throw fileProblem('Is not a regular file. The import reads a file twice: write it to disk.');
}

const byteOrderMark = [0xef, 0xbb, 0xbf];

/** The first bytes of files that are not text, with the remedy. */
const signatures: readonly (readonly [bytes: readonly number[], message: string])[] = [
  [[0xff, 0xfe], 'The file is UTF-16. Save it as UTF-8.'],
  [[0xfe, 0xff], 'The file is UTF-16. Save it as UTF-8.'],
  [[0x1f, 0x8b], 'The file is compressed with gzip. Unpack it first, such as with gunzip.'],
  [[0x50, 0x4b, 3, 4], 'The file is a ZIP archive or a spreadsheet. Unpack it, or save it as CSV.'],
];

function assertPlainText(bytes: Buffer): void {
  if (bytes.length === 0) throw fileProblem('The file is empty.');
  const [, message] = signatures.find(([start]) => startsWith(bytes, start)) ?? [];
  if (message !== undefined) throw fileProblem(message);
}

function startsWith(bytes: Buffer, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

/** The length without the bytes at the end that begin a character only. */
function lengthOfWholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue; // a later byte of a character
    const size = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return back < size ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** The index of the first byte that is not text: NUL, or no part of a character. */
function invalidByte(bytes: Buffer): number | undefined {
  const nul = bytes.indexOf(0);
  if (isUtf8(bytes)) return nul < 0 ? undefined : nul;
  let [valid, invalid] = [0, bytes.length]; // lengths of prefixes
  while (invalid - valid > 1) {
    const middle = Math.floor((valid + invalid) / 2);
    const prefix = bytes.subarray(0, middle);
    if (isUtf8(prefix.subarray(0, lengthOfWholeCharacters(prefix)))) valid = middle;
    else invalid = middle;
  }
  const first = lengthOfWholeCharacters(bytes.subarray(0, valid));
  return nul < 0 ? first : Math.min(nul, first);
}

async function encodingProblem(path: string, offset: number): Promise<Problem> {
  const position = await describePosition(path, offset);
  return fileProblem(`The file is not UTF-8 at ${position}. Save it as UTF-8.`);
}
