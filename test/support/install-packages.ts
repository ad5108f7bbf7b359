/** Installs the packages of a folder that has its own lock file, outside of the repository. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** No installation takes longer. A lock that is older belongs to a process that was killed. */
const installMilliseconds = 300_000;

/**
 * Copies the folder to the directory for temporary files and installs its packages there, once for each lock file.
 * Parallel callers wait for the first one.
 *
 * @returns the copy, with a slash at the end
 */
export function installPackages(folder: string): string {
  const lock = readFileSync(join(folder, 'package-lock.json'));
  const digest = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const packages = join(tmpdir(), `gatehouse-packages-${basename(folder)}-${digest}`);
  while (!existsSync(packages)) {
    if (!isClaimed(packages)) install(folder, packages);
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  const filter = (source: string, target: string) =>
    !/node_modules|\.ts$/.test(source) && !isCopied(source, target);
  cpSync(folder, packages, { recursive: true, filter });
  return `${packages}/`;
}

/** Claims the installation for this process. Returns whether another process has claimed it. */
function isClaimed(packages: string): boolean {
  try {
    mkdirSync(claimOf(packages));
    return false;
  } catch {
    const claim = statSync(claimOf(packages), { throwIfNoEntry: false });
    const isStale = claim !== undefined && Date.now() - claim.mtimeMs > installMilliseconds;
    if (isStale) rmSync(claimOf(packages), { recursive: true });
    return true;
  }
}

function claimOf(packages: string): string {
  return `${packages}.lock`;
}

function install(folder: string, packages: string): void {
  const incomplete = `${packages}.${process.pid}`;
  try {
    mkdirSync(incomplete, { recursive: true });
    for (const name of ['package.json', 'package-lock.json'])
      cpSync(join(folder, name), join(incomplete, name));
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    execFileSync('npm', ['ci', ...options], {
      cwd: incomplete,
      stdio: ['ignore', 'ignore', 'inherit'],
      timeout: installMilliseconds,
    });
    renameSync(incomplete, packages);
  } finally {
    rmSync(incomplete, { recursive: true, force: true });
    rmSync(claimOf(packages), { recursive: true, force: true });
  }
}

/** Parallel callers must not write the same file. */
function isCopied(source: string, target: string): boolean {
  if (!existsSync(target) || statSync(source).isDirectory()) return false;
  return readFileSync(source).equals(readFileSync(target));
}
