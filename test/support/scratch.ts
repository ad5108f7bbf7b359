/**
 * Directories for a test's files: in memory where there is room, since a database is a thousand files,
 * and tests make a hundred of them.
 */
import { accessSync, constants, mkdtempSync, readFileSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new, empty directory that only its owner may enter; whoever made it removes it. */
export function makeScratchDirectory(name: string): string {
  return mkdtempSync(join(hasRoom(memory) ? memory : tmpdir(), `gatehouse-${name}-`));
}

/** Where Linux keeps files in memory. */
const memory = '/dev/shm';
const roomBytes = 2 ** 31;

function hasRoom(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize > roomBytes && !isNoexec(directory);
  } catch {
    return false;
  }
}

/** Containers often have it so: the programs in a directory of tests could not be run. */
function isNoexec(directory: string): boolean {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  const mount = mounts.findLast((line) => line.split(' ')[1] === directory);
  return /\bnoexec\b/.test(mount?.split(' ')[3] ?? '');
}
