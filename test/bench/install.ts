/** Installs the packages of a folder of the benchmark, which has its own lock file, outside of the repository. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/**
 * Copies the folder to the directory for temporary files and installs its packages there, once for each lock file.
 *
 * @returns the copy, with a slash at the end
 */
export function installed(folder: string): string {
  const lock = readFileSync(join(folder, 'package-lock.json'));
  const digest = createHash('sha256').update(lock).digest('hex').slice(0, 12);
  const copy = join(tmpdir(), `gatehouse-bench-${basename(folder)}-${digest}`);
  mkdirSync(copy, { recursive: true });
  cpSync(folder, copy, { recursive: true, filter: (name) => !/node_modules|\.ts$/.test(name) });
  if (!existsSync(join(copy, 'node_modules/.package-lock.json'))) {
    rmSync(join(copy, 'node_modules'), { recursive: true, force: true });
    const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
    execFileSync('npm', ['ci', ...options], { cwd: copy, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return `${copy}/`;
}
