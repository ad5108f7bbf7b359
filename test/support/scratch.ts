/**
 * Directories for the files of tests, in memory if there is space, because tests create a hundred databases with a
 * thousand files each.
 */
import { accessSync, constants, mkdtempSync, readFileSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new, empty directory with mode 700, which the caller removes. */
export function makeScratchDirectory(name: string): string {
  return mkdtempSync(join(hasRoom(memory) ? memory : tmpdir(), `gatehouse-${name}-`));
}

/** The directory of files in memory on Linux. */
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

/** Containers often mount it with noexec, which prevents tests from running programs in it. */
function isNoexec(directory: string): boolean {
  const mounts = readFileSync('/proc/mounts', 'utf8').split('\n');
  const mount = mounts.findLast((line) => line.split(' ')[1] === directory);
  return /\bnoexec\b/.test(mount?.split(' ')[3] ?? '');
}
