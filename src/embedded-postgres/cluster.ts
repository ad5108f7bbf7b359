/**
 * Creates the cluster of the embedded PostgreSQL, under a draft name that is renamed when the cluster is complete.
 * So an incomplete cluster is never used. The caller holds the file lock.
 */
import type { ChildProcess } from 'node:child_process';
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
import { draftPrefix, type EmbeddedPaths, undefinedIfMissing } from './paths.ts';
import { clusterArgument, spawnAs, waitForExit } from './process.ts';
import type { Programs } from './programs.ts';

/** Name of the superuser and of the database. */
export const gatehouse = 'gatehouse';

const initdbLimitMs = 120_000;

/**
 * Creates the cluster with its password and its database `gatehouse`, unless it exists.
 *
 * @param isDurable false leaves writing to disk to the operating system
 * @throws Error when the cluster belongs to another major version of PostgreSQL, or cannot be created
 */
export async function ensureCluster(
  paths: EmbeddedPaths,
  programs: Programs,
  isDurable: boolean,
): Promise<void> {
  await removeDrafts(paths);
  if (await isCreated(paths, programs)) return;
  const draft = join(
    paths.dataDirectory,
    `${draftPrefix}${process.pid}-${randomBytes(6).toString('hex')}`,
  );
  try {
    await createCluster(draft, programs, isDurable);
    await rename(draft, paths.home);
    await syncDirectory(paths.dataDirectory);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/**
 * The processes that created them are dead, because we hold the lock. An initdb that outlived its process may still
 * write, so a draft that cannot be removed waits for a later start.
 */
async function removeDrafts({ dataDirectory }: EmbeddedPaths): Promise<void> {
  const names = await readdir(dataDirectory);
  for (const name of names.filter((each) => each.startsWith(draftPrefix))) {
    await rm(join(dataDirectory, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function isCreated({ cluster }: EmbeddedPaths, programs: Programs): Promise<boolean> {
  const found = await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(undefinedIfMissing);
  if (found === undefined) return false;
  const [major] = programs.version.split('.');
  if (found.trim() === major) return true;
  throw new Error(
    `The database in ${cluster} was created by PostgreSQL ${found.trim()}, and this is PostgreSQL ${major}. ` +
      'Dump it with the former version of gatehouse (pg_dump), move the directory away, and restore the dump; or set DATABASE_URL.',
  );
}

async function createCluster(draft: string, programs: Programs, isDurable: boolean): Promise<void> {
  const cluster = join(draft, 'data');
  const password = randomBytes(32).toString('base64url');
  await mkdir(draft, { mode: 0o700 });
  await mkdir(cluster, { mode: 0o700 });
  if (programs.runAs) await chown(cluster, programs.runAs.uid, programs.runAs.gid);
  await writeFile(join(draft, 'password'), password, { mode: 0o600, flag: 'wx', flush: true });
  await runInitdb(cluster, programs, { password, isDurable });
  await createDatabase(cluster, programs, isDurable);
}

async function runInitdb(
  cluster: string,
  programs: Programs,
  options: { readonly password: string; readonly isDurable: boolean },
): Promise<void> {
  await using passwordFile = await openUnlinkedFile(`${cluster}.password`, options.password);
  if (programs.runAs) await passwordFile.chown(programs.runAs.uid, programs.runAs.gid);
  const args = [
    `--pgdata=${clusterArgument(cluster)}`,
    `--username=${gatehouse}`,
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
    timeout: initdbLimitMs,
  });
  await assertSuccess('initdb', child);
}

/** In single-user mode, before the cluster is renamed, so that every cluster has the database. */
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
    timeout: initdbLimitMs,
  });
  child.stdin?.on('error', () => undefined).end(`CREATE DATABASE ${gatehouse};\n`);
  await assertSuccess('postgres --single', child);
}

async function assertSuccess(program: string, child: ChildProcess): Promise<void> {
  const { status, output } = await waitForExit(child);
  if (status === 0) return;
  const hint = output.includes('could not look up effective user')
    ? 'This user needs an entry in /etc/passwd, for the first start only. Add one'
    : 'Remove the cause';
  throw new Error(
    `The embedded PostgreSQL could not be set up: ${program} failed (${status}).\n${output.trim()}\n` +
      `${hint}, or set DATABASE_URL to a PostgreSQL server.`,
  );
}

/** Unlinks the file after opening it: a child process reads it by descriptor, and no secret stays on disk. */
async function openUnlinkedFile(path: string, content: string) {
  await writeFile(path, content, { mode: 0o400, flag: 'wx' });
  const file = await open(path, 'r');
  await unlink(path);
  return file;
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r');
  await directory.sync();
}
