/** Programs of tests from Debian packages, which are installed if that is possible. */
import { spawnSync } from 'node:child_process';

const installMilliseconds = 60_000;

/** Whether `program` can be run. As root, its package is installed first if it is missing. */
export function canRun(program: string, debianPackage: string): boolean {
  if (isThere(program)) return true;
  if (process.getuid?.() !== 0) return false;
  const install = (...words: string[]) =>
    spawnSync('apt-get', ['-qq', '-y', '--no-install-recommends', ...words], {
      stdio: 'ignore',
      timeout: installMilliseconds,
      // In runlevel 1 no package starts its service.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
  if (install('install', debianPackage).status !== 0) {
    install('update');
    install('install', debianPackage);
  }
  return isThere(program);
}

function isThere(program: string): boolean {
  return spawnSync('which', [program], { stdio: 'ignore' }).status === 0;
}
