/** The report of an import as a file of JSON lines, which only its owner can read. */
import { type FileHandle, open } from 'node:fs/promises';
import { printableJson } from '../../core/text.ts';
import type { FileNoteLine, ReportLine, ReportSink } from './report.ts';

export interface ReportFile extends ReportSink, AsyncDisposable {}

/** A report without a file. */
export const noReportFile: ReportFile = {
  resumeAt: async () => undefined,
  write: async () => undefined,
  discard: async () => undefined,
  keep: () => undefined,
  [Symbol.asyncDispose]: async () => undefined,
};

/** Opens the file, or creates it with mode 600. Its content stays until `resumeAt`. */
export async function openReportFile(path: string): Promise<ReportFile> {
  const handle = await open(path, 'a+', 0o600);
  await handle.chmod(0o600);
  let keptBytes = 0;
  let bytes = 0;

  return {
    async resumeAt(position) {
      keptBytes = position === 0 ? 0 : await bytesUntil(handle, position);
      bytes = keptBytes;
      await handle.truncate(keptBytes);
    },
    async write(lines) {
      if (lines.length === 0) return;
      const text = lines.map((line) => `${printableJson(JSON.stringify(line))}\n`).join('');
      await handle.appendFile(text);
      bytes += Buffer.byteLength(text);
    },
    async discard() {
      bytes = keptBytes;
      await handle.truncate(keptBytes);
    },
    keep() {
      keptBytes = bytes;
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

/**
 * The size of the lines up to the position. The lines are in its order, the notes about the file are behind them, and
 * the last one may be cut off.
 */
async function bytesUntil(handle: FileHandle, position: number): Promise<number> {
  let bytes = 0;
  for await (const text of handle.readLines({ start: 0, autoClose: false })) {
    if (!isUpTo(text, position)) break;
    bytes += Buffer.byteLength(text) + 1;
  }
  return bytes;
}

function isUpTo(text: string, position: number): boolean {
  try {
    const line = (JSON.parse(text) as Partial<ReportLine | FileNoteLine>).line; // a line of the report
    return typeof line === 'number' && line <= position;
  } catch {
    return false;
  }
}
