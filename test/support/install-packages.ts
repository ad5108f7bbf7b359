/** Installs the packages of a folder that has its own lock file, outside of the repository. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/**
 * Copies the folder to the directory for temporary files and installs its packages there, once for each lock file.
 * Parallel callers each install into a directory of their own; the first one that is complete is used.
 *
 * @returns the copy, with a slash at the end
 */
export function installPackages(folder: string): string {
  const lock = readFileSync(join(folder, 'package-lock.json'));
  const digest = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const packages = join(tmpdir(), `gatehouse-packages-${basename(folder)}-${digest}`);
  if (!existsSync(packages)) {
    const incomplete = `${packages}.${process.pid}`;
    mkdirSync(incomplete, { recursive: true });
    for (const name of ['package.json', 'package-lock.json'])
      cpSync(join(folder, name), join(incomplete, name));
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    execFileSync('npm', ['ci', ...options], {
      cwd: incomplete,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    if (existsSync(packages)) rmSync(incomplete, { recursive: true });
    else renameSync(incomplete, packages);
  }
  const filter = (source: string, target: string) =>
    !/node_modules|\.ts$/.test(source) && !isCopied(source, target);
  cpSync(folder, packages, { recursive: true, filter });
  return `${packages}/`;
}

/** Parallel callers must not write the same file. */
function isCopied(source: string, target: string): boolean {
  if (!existsSync(target) || statSync(source).isDirectory()) return false;
  return readFileSync(source).equals(readFileSync(target));
}
