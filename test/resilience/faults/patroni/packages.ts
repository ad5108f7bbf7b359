/** The programs of the cluster, from Debian packages, which are installed if they are missing. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const packages = ['etcd-server', 'haproxy', 'patroni', 'postgresql'];
const programs = ['etcd', 'haproxy', 'patroni'];
const postgresqlRoot = '/usr/lib/postgresql';

export interface ClusterPrograms {
  /** Directory of PostgreSQL's programs. */
  readonly postgresql: string;
  /** PostgreSQL refuses to run as root; everything runs as this user. */
  readonly uid: number;
  readonly gid: number;
}

/** The location of the programs, or the reason why they are unavailable. */
export function findPrograms(): ClusterPrograms | { readonly reason: string } {
  if (process.platform !== 'linux') return { reason: 'it needs Linux' };
  if (process.getuid?.() !== 0) return { reason: 'it needs root, to run as the user postgres' };
  if (!areInstalled() && !existsSync('/etc/debian_version')) {
    return { reason: `it needs ${packages.join(', ')}, and can install them on Debian only` };
  }
  if (!areInstalled()) install();
  const postgresql = newestPostgresql();
  if (!areInstalled() || postgresql === undefined) {
    return { reason: `apt-get cannot install ${packages.join(', ')}; is there a network?` };
  }
  return { postgresql, uid: idOf('-u'), gid: idOf('-g') };
}

function areInstalled(): boolean {
  const directories = (process.env.PATH ?? '').split(delimiter);
  const isInstalled = (program: string) =>
    directories.some((directory) => existsSync(join(directory, program)));
  return programs.every(isInstalled) && newestPostgresql() !== undefined;
}

function newestPostgresql(): string | undefined {
  if (!existsSync(postgresqlRoot)) return undefined;
  const versions = readdirSync(postgresqlRoot).map(Number).filter(Boolean);
  return versions.length > 0 ? join(postgresqlRoot, `${Math.max(...versions)}/bin`) : undefined;
}

/** RUNLEVEL=1 keeps the packages from starting services of their own. */
function install(): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const run = (...args: string[]) => spawnSync('apt-get', args, { env, stdio: 'inherit' });
  run('update', '-qq');
  run('install', '-y', '-qq', '--no-install-recommends', ...packages);
}

function idOf(which: '-u' | '-g'): number {
  return Number(spawnSync('id', [which, 'postgres'], { encoding: 'utf8' }).stdout);
}
