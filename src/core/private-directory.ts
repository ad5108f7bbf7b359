/** Directories that only their owner may enter. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Makes a directory and its parents, unless they exist.
 *
 * `mkdir` with `recursive` never ends where a file system refuses a new directory with ENOENT, as /proc
 * and automounters do.
 *
 * @throws NodeJS.ErrnoException with the reason of the file system
 */
export async function makePrivateDirectory(path: string): Promise<void> {
  const parent = dirname(path);
  if (parent !== path && !(await isThere(parent))) await makePrivateDirectory(parent);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isDirectory()) throw error;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
