/**
 * Makes the cluster, once: under another name, and renamed when it is complete, so that a half-made one is never used.
 * The caller holds the file lock. Servers are not known here.
 */
import { randomBytes } from 'node:crypto';
import {
  chown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { DRAFT_PREFIX, type Place, undefinedIfMissing } from './paths.ts';
import { clusterArgument, labelsOf, spawnAs } from './process.ts';
import type { Programs } from './programs.ts';

/** The superuser and the database; both are part of the URL. */
export const GATEHOUSE = 'gatehouse';

const INITDB_LIMIT_MS = 120_000;

/**
 * Makes the cluster with its password and its database `gatehouse`, unless it is there.
 *
 * `isDurable: false` leaves it to the operating system when to write it to disk.
 */
export async function ensureCluster(
  place: Place,
  programs: Programs,
  isDurable: boolean,
): Promise<void> {
  await removeDrafts(place);
  if (await isMade(place, programs)) return;
  const draft = join(
    place.dataDirectory,
    `${DRAFT_PREFIX}${process.pid}-${randomBytes(6).toString('hex')}`,
  );
  try {
    await fill(draft, programs, isDurable);
    await rename(draft, place.home);
    await syncDirectory(place.dataDirectory);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Their makers are dead, as we hold the lock; an initdb that outlived its maker may write on, so the rest waits for a later start. */
async function removeDrafts({ dataDirectory }: Place): Promise<void> {
  const names = await readdir(dataDirectory);
  for (const name of names.filter((each) => each.startsWith(DRAFT_PREFIX))) {
    await rm(join(dataDirectory, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isMade({ cluster }: Place, programs: Programs): Promise<boolean> {
  const made = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(undefinedIfMissing);
  if (made === undefined) return false;
  const [major] = programs.version.split('.');
  if (made.trim() === major) return true;
  throw new Error(
    `The database in ${cluster} was made by PostgreSQL ${made.trim()}, and this is PostgreSQL ${major}. ` +
      'Dump it with the gatehouse that made it (pg_dump), move the directory away, and restore the dump; or set DATABASE_URL.',
  );
}

async function fill(draft: string, programs: Programs, isDurable: boolean): Promise<void> {
  const cluster = join(draft, 'data');
  const password = randomBytes(32).toString('base64url');
  await mkdir(draft, { mode: 0o700 });
  await mkdir(cluster, { mode: 0o700 });
  if (programs.runAs) await chown(cluster, programs.runAs.uid, programs.runAs.gid);
  await writeFile(join(draft, 'password'), password, { mode: 0o600, flag: 'wx', flush: true });
  await initialise(cluster, programs, { password, isDurable });
  await createDatabase(cluster, programs, isDurable);
}

async function initialise(
  cluster: string,
  programs: Programs,
  options: { readonly password: string; readonly isDurable: boolean },
): Promise<void> {
  await using passwordFile = await openNamelessFile(`${cluster}.password`, options.password);
  if (programs.runAs) await passwordFile.chown(programs.runAs.uid, programs.runAs.gid);
  const args = [
    `--pgdata=${clusterArgument(cluster)}`,
    `--username=${GATEHOUSE}`,
    `--pwfile=${process.platform === 'linux' ? '/proc/self/fd/3' : '/dev/fd/3'}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...(options.isDurable ? [] : ['--no-sync']),
  ];
  const child = spawnAs(programs.runAs, [join(programs.directory, 'bin', 'initdb'), ...args], {
    cwd: cluster,
    stdio: ['ignore', 'pipe', 'pipe', passwordFile.fd],
    timeout: INITDB_LIMIT_MS,
  });
  await assertSuccess('initdb', child);
}

/** In single-user mode, before the cluster has its name: so whoever finds a cluster finds the database. */
async function createDatabase(
  cluster: string,
  programs: Programs,
  isDurable: boolean,
): Promise<void> {
  const settings = ['-c', 'exit_on_error=on', '-c', `fsync=${isDurable ? 'on' : 'off'}`];
  const args = ['--single', '-D', clusterArgument(cluster), ...settings, 'template1'];
  const child = spawnAs(programs.runAs, [join(programs.directory, 'bin', 'postgres'), ...args], {
    cwd: cluster,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: INITDB_LIMIT_MS,
  });
  child.stdin?.on('error', () => undefined).end(`CREATE DATABASE ${GATEHOUSE};\n`);
  await assertSuccess('postgres --single', child);
}

async function assertSuccess(
  program: string,
  child: Parameters<typeof labelsOf>[0],
): Promise<void> {
  const { status, output } = await labelsOf(child);
  if (status === 0) return;
  const hint = output.includes('could not look up effective user')
    ? 'This user needs an entry in /etc/passwd, for the first start only. Add one'
    : 'Remove the cause';
  throw new Error(
    `The embedded PostgreSQL could not be set up: ${program} failed (${status}).\n${output.trim()}\n` +
      `${hint}, or set DATABASE_URL to a PostgreSQL server.`,
  );
}

/** A file that lives only as long as it is open, so that its content is on disk under no name while others read it by descriptor. */
async function openNamelessFile(path: string, content: string) {
  await writeFile(path, content, { mode: 0o400, flag: 'wx' });
  const file = await open(path, 'r');
  await unlink(path);
  return file;
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}
