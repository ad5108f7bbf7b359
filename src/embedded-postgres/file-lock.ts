/**
 * A lock between processes. The kernel releases it when its holder dies, also by kill -9. Node.js has no flock,
 * so an empty SQLite file serves as the lock: SQLite is part of Node.js and locks its file.
 */
import { chmod } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 20;
const sqliteBusy = 5;

/**
 * Runs the work while no other process and no other caller in this process holds the lock of that path.
 *
 * The lock is not reentrant. The signal ends the waiting, not the work.
 * @throws Error that names the lock file, when the signal aborts before the lock is free
 */
export async function withFileLock<T>(
  path: string,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  using lock = new DatabaseSync(path, { timeout: 0 });
  // SQLite has to create the file: closing another descriptor of it would release this process's lock (fcntl).
  await chmod(path, 0o600);
  while (!tryLock(lock)) {
    if (signal.aborted) {
      throw new Error(
        `Another process has been starting or stopping the embedded PostgreSQL for too long; it holds ${path}. ` +
          'Look for a hanging gatehouse process (fuser shows it) and end it.',
      );
    }
    await sleep(pollMs);
  }
  return await work();
}

function tryLock(lock: DatabaseSync): boolean {
  try {
    lock.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) return false;
    throw error;
  }
}
