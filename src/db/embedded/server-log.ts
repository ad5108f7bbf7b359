/** The server's log file: opened for a start, kept below a size, and quoted when a start fails. */

import { constants } from 'node:fs';
import { type FileHandle, open, rename, stat } from 'node:fs/promises';
import type { Place } from './place.ts';

const MAX_BYTES = 10_000_000;
const QUOTED_BYTES = 4_000;
const QUOTED_LINES = 15;

/** Opens the log for appending; one that has grown beyond 10 MB becomes `server.log.1`. No server may be writing to it. */
export async function openLog({ home, logFile }: Place): Promise<FileHandle> {
  const size = await stat(logFile).then(
    (found) => found.size,
    () => 0,
  );
  if (size > MAX_BYTES) await rename(logFile, `${logFile}.1`);
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
  const log = await open(logFile, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
  if (process.getuid?.() !== 0) return log;
  // Under sudo in a user's project, or he could not open it tomorrow.
  const owner = await stat(home);
  await log.chown(owner.uid, owner.gid);
  return log;
}

/** The last lines of the log, from a position in bytes on. */
export async function quoteLog({ logFile }: Place, from: number): Promise<string> {
  await using log = await open(logFile, 'r');
  const { size } = await log.stat();
  const start = Math.max(from, size - QUOTED_BYTES);
  const buffer = Buffer.alloc(Math.max(size - start, 0));
  await log.read(buffer, 0, buffer.length, start);
  return buffer.toString('utf8').trim().split('\n').slice(-QUOTED_LINES).join('\n');
}
