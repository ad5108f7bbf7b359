/** An installation of PostgreSQL's programs and whether it works. Where it comes from is `find-programs.ts`'s business. */
import { access, readFile, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RunAs } from './run-as.ts';
import { outcomeOf, spawnAs } from './spawn-as.ts';

/** `bin`, `lib` and `share` below one directory, and who runs them. */
export interface Programs {
  readonly directory: string;
  /** The npm package's version, whose first number is PostgreSQL's. */
  readonly version: string;
  readonly runAs: RunAs | undefined;
}

/**
 * Makes the links between libraries that npm cannot pack and the package's install script makes, if scripts may run.
 *
 * Answers whether they are all there now.
 */
export async function completeLinks(directory: string): Promise<boolean> {
  const listed = await readFile(join(directory, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  // The package's own list, written by its build.
  const links = JSON.parse(listed) as readonly Link[];
  const made = await Promise.all(links.map((link) => completeLink(directory, link)));
  return !made.includes(false);
}

/** Paths begin with the name of the installation's directory; both are in the same directory. */
interface Link {
  readonly source: string;
  readonly target: string;
}

async function completeLink(directory: string, { source, target }: Link): Promise<boolean> {
  const path = join(directory, '..', target);
  if (await exists(path)) return true;
  // Another process may be making it too; what counts is that it is there.
  await symlink(basename(source), path).catch(() => undefined);
  return exists(path);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Says why their user cannot run these programs, or `undefined` when he can, by trying: modes, mounts and libraries all count. */
export async function whyNotRunnable({ directory, runAs }: Programs): Promise<string | undefined> {
  const program = join(directory, 'bin', 'postgres');
  const { status, output } = await outcomeOf(spawnAs(runAs, [program, '--version'], { cwd: '/' }));
  return status === 0 ? undefined : `${output.trim()} (${status})`;
}
