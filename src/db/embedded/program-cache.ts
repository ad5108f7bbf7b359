/**
 * A copy of PostgreSQL's programs for the case that root has them where `nobody` cannot go, such as below /root.
 * It can be deleted at any time; it is made again.
 */
import { randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { completeLinks, type Programs, whyNotRunnable } from './programs.ts';

const MODE_FOR_ALL = 0o755;
const DRAFT_NAME = /^postgresql-.*\.draft-/;
const ABANDONED_MS = 3_600_000;

/**
 * Copies the programs (60 MB, once per version) to a directory of root's that everyone can reach.
 *
 * Tolerates other copiers. Throws an Error when no such directory can be had.
 */
export async function cachedCopy(installed: Programs): Promise<Programs> {
  const reasons: string[] = [];
  for (const parent of ['/var/cache/gatehouse', join(tmpdir(), 'gatehouse')]) {
    const copy = { ...installed, directory: join(parent, `postgresql-${installed.version}`) };
    const reason = await provide(copy, installed.directory).catch(String);
    if (reason === undefined) return copy;
    reasons.push(`${copy.directory}: ${reason}`);
  }
  throw new Error(
    `PostgreSQL cannot run as root, and another user cannot run its programs:\n${reasons.join('\n')}\n` +
      'Start gatehouse as an ordinary user, or set DATABASE_URL.',
  );
}

/** Makes the copy if need be; says why it cannot be used, or nothing. */
async function provide(copy: Programs, source: string): Promise<string | undefined> {
  await prepareParent(dirname(copy.directory));
  if ((await state(copy)) === 'usable') return undefined;
  const draft = `${copy.directory}.draft-${randomBytes(6).toString('hex')}`;
  try {
    await cp(source, draft, { recursive: true, verbatimSymlinks: true });
    await completeLinks(draft);
    await openToAll(draft);
    await replace(copy, draft);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return whyNotRunnable(copy);
}

async function prepareParent(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await assertOnlyRootWrites(directory);
  await chmod(directory, MODE_FOR_ALL); // the umask may have closed it
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const isDraft = DRAFT_NAME.test(name);
    if (isDraft && (await ageMs(path)) > ABANDONED_MS) await rm(path, { recursive: true });
  }
}

async function ageMs(path: string): Promise<number> {
  return Date.now() - (await lstat(path)).mtimeMs;
}

async function state(copy: Programs): Promise<'absent' | 'broken' | 'usable'> {
  const found = await lstat(copy.directory).catch(() => undefined);
  if (found === undefined) return 'absent';
  await assertOnlyRootWrites(copy.directory);
  return (await whyNotRunnable(copy)) === undefined ? 'usable' : 'broken';
}

async function replace(copy: Programs, draft: string): Promise<void> {
  if ((await state(copy)) === 'broken') await rm(copy.directory, { recursive: true, force: true });
  await rename(draft, copy.directory).catch(async (error: unknown) => {
    if ((await state(copy)) !== 'usable') throw error; // else another copier was first
  });
}

/** What lies where others may write could be anybody's program: refuse it, up to the root. */
async function assertOnlyRootWrites(directory: string): Promise<void> {
  const { uid, mode } = await lstat(directory);
  const isSticky = (mode & 0o1000) !== 0;
  const isClosed = (mode & 0o022) === 0 || isSticky;
  // The mode of a symbolic link is 777, so one is refused here as well.
  if (uid !== 0 || !isClosed) throw new Error(`${directory} can be changed by others than root`);
  if (dirname(directory) !== directory) await assertOnlyRootWrites(dirname(directory));
}

/** Lets everyone read what root may read, whatever the umask was when npm wrote it. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, MODE_FOR_ALL);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    if (entry.isFile()) await chmod(path, (await lstat(path)).mode & 0o100 ? MODE_FOR_ALL : 0o644);
  }
}
