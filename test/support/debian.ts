/** Programs of tests from Debian packages, which are installed if that is possible. */
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const installMilliseconds = 180_000;
/** apt-get fails at once while another one runs, and test files run in parallel. */
const lock = ['--timeout', '120', join(tmpdir(), 'gatehouse-apt.lock')];

/** The Python of Debian, which finds the modules of Debian's packages. */
export const python = '/usr/bin/python3';

/** Whether `program` can be run. As root, its package is installed first if it is missing. */
export function canRun(program: string, debianPackage: string): boolean {
  return canInstall(debianPackage, () => isThere(program));
}

/** The same for a module of `python`. */
export function canImport(module: string, debianPackage: string): boolean {
  return canInstall(
    debianPackage,
    () => spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' }).status === 0,
  );
}

function canInstall(debianPackage: string, isInstalled: () => boolean): boolean {
  if (isInstalled()) return true;
  if (process.getuid?.() !== 0) return false;
  const install = (...words: string[]) =>
    spawnSync('flock', [...lock, 'apt-get', '-qq', '-y', '--no-install-recommends', ...words], {
      stdio: 'ignore',
      timeout: installMilliseconds,
      // In runlevel 1 no package starts its service.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
  if (install('install', debianPackage).status !== 0) {
    install('update');
    install('install', debianPackage);
  }
  return isInstalled();
}

function isThere(program: string): boolean {
  return spawnSync('which', [program], { stdio: 'ignore' }).status === 0;
}
