/** The compile cache of the build: a start reads it, and never uses a directory of other users. */
import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { spawnCommand } from '../support/command.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, 'dist/compile-cache');
/** An id that no user of the system has. */
const uid = 65_531;
const isRoot = process.getuid?.() === 0;

const directories: string[] = [];
const newDirectory = () => {
  const directory = makeScratchDirectory('compile-cache');
  directories.push(directory);
  return directory;
};
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** Runs `gatehouse --version` with the report of Node.js about its compile cache. */
async function start(wrapper: readonly string[] = []) {
  const temporary = newDirectory();
  const environment = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE', TMPDIR: temporary };
  const { code, stdout, stderr } = await spawnCommand(['--version'], { environment, wrapper });
  expect(code).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
  const lines = `${stdout}${stderr}`.split('\n');
  const ofBundle = lines.filter((line) => line.includes('dist/bundle/command-line.js'));
  return { lines, isCached: ofBundle.some((line) => line.includes('was accepted')) };
}

test('a start uses the compiled code of the build', async () => {
  const { lines, isCached } = await start();
  expect(isCached).toBe(true);
  const read = lines.flatMap((line) => /reading cache from (\S+)/.exec(line)?.[1] ?? []);
  expect(read.length).toBeGreaterThan(10);
  expect(read.filter((path) => !path.startsWith(cache))).toEqual([]);
});

test('only the user of the build can write to it', () => {
  const entries = readdirSync(cache, { recursive: true, encoding: 'utf8' });
  expect(entries.length).toBeGreaterThan(100);
  const files = [cache, ...entries.map((entry) => join(cache, entry))];
  expect(files.filter((file) => (statSync(file).mode & 0o002) !== 0)).toEqual([]);
});

test.runIf(isRoot && process.platform === 'linux')(
  'another user starts without it, and writes nothing',
  async () => {
    const wrapper = ['setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups'];
    expect((await start(wrapper)).isCached).toBe(false);
    expect(readdirSync(cache).filter((name) => name.endsWith(`-${uid}`))).toEqual([]);
  },
);
