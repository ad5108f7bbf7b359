/** Directories that only their owner can read. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Creates a directory and its parents, unless they exist.
 *
 * The `recursive` option of `mkdir` is not used: it never returns if a file system such as /proc or an
 * automounter answers ENOENT for a new directory.
 *
 * @throws NodeJS.ErrnoException with the reason of the file system
 */
export async function makePrivateDirectory(path: string): Promise<void> {
  const parent = dirname(path);
  if (parent !== path && !(await isExisting(parent))) await makePrivateDirectory(parent);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const found = await stat(path).catch(() => undefined);
    if (!found?.isDirectory()) throw error;
  }
}

async function isExisting(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
