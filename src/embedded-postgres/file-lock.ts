/**
 * One lock between processes, which the kernel takes back when its holder dies, kill -9 included.
 * Node has no flock; SQLite's file lock is the one it ships, so an empty SQLite file serves as the lock. Nothing is ever stored in it.
 */
import { chmod } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 20;
const SQLITE_BUSY = 5;

/**
 * Runs the work while no other process, nor another caller in this one, holds the lock of that path.
 *
 * Not reentrant. The signal bounds the waiting, not the work.
 */
export async function withFileLock<T>(
  path: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  using lock = new DatabaseSync(path, { timeout: 0 });
  // Not by making the file ourselves: closing any descriptor of it would drop this process's lock (fcntl).
  await chmod(path, 0o600);
  while (!isTaken(lock)) {
    if (signal.aborted) {
      throw new Error(
        `Another process has been starting or stopping the embedded PostgreSQL for too long; it holds ${path}. ` +
          'Look for a hanging gatehouse process (fuser shows it) and end it.',
      );
    }
    await pause(POLL_MS);
  }
  return await work();
}

function isTaken(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false;
    throw error;
  }
}
