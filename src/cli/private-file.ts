/**
 * A new file that only its owner can read. It is written under another name in the same directory and gets its name at
 * the end, so that a failure or a signal leaves no part of it.
 */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { access, type FileHandle, link, open, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError, fileCause } from '../core/errors.ts';
import { UsageError } from './errors.ts';
import { endBySignal, endSignals } from './io.ts';

export interface PrivateFile {
  write(text: string): Promise<void>;
}

/**
 * Writes the file with `work`.
 *
 * @throws UsageError when a file of this name exists, or the directory cannot be written
 */
export async function writePrivateFile<Result>(
  path: string,
  work: (file: PrivateFile) => Promise<Result>,
): Promise<Result> {
  await requireFree(path);
  const failed = (error: unknown): never => {
    throw new FileError(`${path} cannot be written: ${fileCause(error)}. No file was left.`);
  };
  const part = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.part`);
  using _signals = removeAtSignal(part);
  const handle = await openPart(part, path);
  try {
    const result = await work({ write: (text) => handle.writeFile(text).catch(failed) });
    await handle.sync().catch(failed);
    await handle.close().catch(failed);
    await giveName(part, path);
    return result;
  } catch (error) {
    await handle.close().catch(() => undefined); // it is closed already
    await rm(part, { force: true });
    throw error;
  }
}

async function requireFree(path: string): Promise<void> {
  const isFree = await access(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
  if (!isFree) throw existsError(path);
}

function existsError(path: string): UsageError {
  return new UsageError(`${path} exists already: remove it, or give another name.`);
}

async function openPart(part: string, path: string): Promise<FileHandle> {
  try {
    return await open(part, 'wx', 0o600);
  } catch (error) {
    throw new UsageError(`${path} cannot be created: ${fileCause(error)}.`);
  }
}

/** Does not replace a file that was created in the meantime, where the file system has links. */
async function giveName(part: string, path: string): Promise<void> {
  try {
    await link(part, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // of the file system
    if (code === 'EEXIST') throw existsError(path);
    await rename(part, path);
    return;
  }
  await unlink(part);
}

/** SIGHUP: the terminal was closed. */
const signals = [...endSignals, 'SIGHUP'] as const;

function removeAtSignal(part: string): Disposable {
  const onSignal = (signal: NodeJS.Signals) => {
    rmSync(part, { force: true });
    endBySignal(signal);
  };
  for (const signal of signals) process.on(signal, onSignal);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
