#!/usr/bin/env node
// Builds dist/ if the sources have changed since the last build, and links the launcher for `npx gatehouse`.
// Without the link npx would install this folder as a package and build it again during a running process.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));

const stamp = 'dist/.built-from';
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .sort();

function digestOfSources() {
  const hash = createHash('sha256');
  const configuration = [
    'tsconfig.json',
    'tsconfig.build.json',
    'rolldown.config.js',
    'package-lock.json',
    'bin/compile-cache.js',
  ];
  for (const file of [...configuration, ...sources.map((name) => join('src', name))]) {
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function isBuiltFrom(digest) {
  const outputs = sources
    .filter((name) => !name.endsWith('.d.ts'))
    .map((name) => join('dist', name.replace(/\.ts$/, '.js')));
  outputs.push('dist/bundle/command-line.js');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && outputs.every(existsSync);
}

async function build() {
  const digest = digestOfSources();
  if (isBuiltFrom(digest)) return;
  rmSync('dist', { recursive: true, force: true });
  compile();
  await bundle();
  run('bin/compile-cache.js');
  writeFileSync(stamp, digest);
}

function compile() {
  run('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

async function bundle() {
  const [{ rolldown }, { default: options }] = await Promise.all([
    import('rolldown'),
    import('../rolldown.config.js'),
  ]);
  const bundled = await rolldown(options);
  await bundled.write(options.output);
  await bundled.close();
}

function linkLauncher() {
  const link = 'node_modules/.bin/gatehouse';
  // A shared node_modules must not link to one of the trees that share it.
  const isShared = lstatSync('node_modules').isSymbolicLink();
  if (process.platform === 'win32' || isShared || existsSync(link)) return;
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true }); // a link without a target
  symlinkSync('../../bin/gatehouse.js', link);
}

await build();
linkLauncher();
