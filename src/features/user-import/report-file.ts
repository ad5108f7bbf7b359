/**
 * The report of an import as a file of JSON lines, which only its owner can read. A file that exists is continued only
 * if it is the report of an unfinished import. Lines are removed only in `write`, which the position of the import
 * locks: of two processes with one report, the one that stops leaves the lines of the other. An import stops when another
 * one has written to its report.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { FileError, fileCause, Problem } from '../../core/errors.ts';
import { printableJson } from '../../core/text.ts';
import type { ReportSink } from './report.ts';

export interface ReportFile extends ReportSink, AsyncDisposable {}

/** A report without a file. */
export const noReportFile: ReportFile = {
  resumeAt: async () => undefined,
  write: async () => undefined,
  keep: () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};

/**
 * Creates the file with mode 600, or opens the report of an unfinished import.
 *
 * @param source the file of people, which cannot be the report
 * @throws VALIDATION_FAILED for another file that exists
 */
export async function openReportFile(
  path: string,
  { source, isDryRun }: { readonly source: string; readonly isDryRun: boolean },
): Promise<ReportFile> {
  const handle = await openFile(path);
  try {
    await assertReport(handle, source, isDryRun);
  } catch (error) {
    await handle.close();
    throw error;
  }
  let keptBytes = 0;
  /** The size after the last write of this import; undefined if it is unknown. */
  let bytes: number | undefined = (await handle.stat()).size;

  /** Imports with one report exclude each other by the size: no two of them write at the same time. */
  const assertOwn = async () => {
    if (bytes !== undefined && (await handle.stat()).size !== bytes) throw sharedProblem();
  };

  return {
    async resumeAt(position, isContinued) {
      bytes = (await handle.stat()).size;
      if (bytes > 0 && !isContinued) throw existsProblem();
      keptBytes = position === 0 ? 0 : await bytesUntil(handle, position);
    },
    async write(lines) {
      const text = lines.map((line) => `${printableJson(JSON.stringify(line))}\n`).join('');
      if (text === '' && bytes === keptBytes) return;
      await assertOwn();
      try {
        if (bytes !== keptBytes) await handle.truncate(keptBytes);
        bytes = keptBytes + Buffer.byteLength(text);
        await handle.appendFile(text);
      } catch (error) {
        const truncated = handle.truncate(keptBytes).then(() => keptBytes);
        bytes = await truncated.catch(() => undefined);
        throw new FileError(`The report ${path} cannot be written: ${fileCause(error)}.`);
      }
    },
    keep() {
      if (bytes !== undefined) keptBytes = bytes;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

const { O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;

async function openFile(path: string): Promise<FileHandle> {
  const flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK; // a pipe would wait
  return await open(path, flags, 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ELOOP') throw reportProblem('The file is a symbolic link.');
    throw reportProblem(`${path} cannot be written: ${fileCause(error)}.`);
  });
}

/** @throws VALIDATION_FAILED unless the file is empty, or has the lines of an earlier report */
async function assertReport(handle: FileHandle, source: string, isDryRun: boolean): Promise<void> {
  const stats = await handle.stat();
  if (!stats.isFile()) throw reportProblem('Is not a regular file.');
  const input = await stat(source).catch(() => undefined);
  if (input?.ino === stats.ino && input.dev === stats.dev) {
    throw reportProblem('Is the file of people. Choose another file.');
  }
  if (stats.size > 0 && (isDryRun || !(await hasReportLines(handle)))) throw existsProblem();
  await handle.chmod(0o600);
}

function existsProblem(): Problem {
  return reportProblem('The file exists. Remove it, or choose another file.');
}

function sharedProblem(): Problem {
  return reportProblem(
    'Another import writes to this file. This one has stopped. Import again with another --report.',
  );
}

function reportProblem(message: string): Problem {
  return new Problem('VALIDATION_FAILED', { fields: [{ path: 'report', message }] });
}

/** Whether all lines are those of a report. The last one may be cut off. */
async function hasReportLines(handle: FileHandle): Promise<boolean> {
  let isReport = false;
  let isBroken = false;
  for await (const text of handle.readLines({ start: 0, autoClose: false })) {
    if (isBroken) return false;
    if (lineOf(text)) isReport = true;
    else isBroken = true;
  }
  return isReport;
}

/**
 * The size of the lines up to the position. The lines are in its order, the notes about the file are behind them, and
 * the last one may be cut off.
 */
async function bytesUntil(handle: FileHandle, position: number): Promise<number> {
  let bytes = 0;
  for await (const text of handle.readLines({ start: 0, autoClose: false })) {
    const line = lineOf(text)?.line;
    if (typeof line !== 'number' || line > position) break;
    bytes += Buffer.byteLength(text) + 1;
  }
  return bytes;
}

function lineOf(text: string): { readonly line: unknown } | undefined {
  try {
    const line: unknown = JSON.parse(text);
    const isLine = typeof line === 'object' && line !== null && 'line' in line;
    return isLine && 'outcome' in line && 'remedy' in line ? line : undefined;
  } catch {
    return undefined;
  }
}
