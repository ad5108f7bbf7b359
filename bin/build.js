#!/usr/bin/env node
// Builds the service and its packages if the sources have changed since the last build, and completes node_modules:
// it links the launcher for `npx gatehouse` and the libraries of the embedded PostgreSQL. Without the first link npx
// would install this folder as a package and build it again during a running process.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
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
const verifier = 'packages/verify';
const client = 'packages/client';
const sources = sourcesOf('src');
const configuration = [
  'tsconfig.json',
  'tsconfig.build.json',
  'rolldown.config.js',
  'package-lock.json',
  'bin/build.js',
  'bin/compile-cache.js',
  'bin/third-party-notices.js',
  `${verifier}/tsconfig.json`,
  `${client}/tsconfig.json`,
];

function sourcesOf(directory) {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(directory, name))
    .sort();
}

function digestOfSources() {
  const hash = createHash('sha256');
  const packages = [verifier, client].flatMap((directory) => sourcesOf(`${directory}/src`));
  for (const file of [...configuration, ...sources, ...packages]) {
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

function isBuiltFrom(digest) {
  const outputs = sources
    .filter((file) => !file.endsWith('.d.ts'))
    .map((file) => file.replace(/^src/, 'dist').replace(/\.ts$/, '.js'));
  outputs.push('dist/bundle/command-line.js', 'dist/assets');
  outputs.push(`${verifier}/dist/verify.js`, `${client}/dist/client.js`);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === digest && outputs.every(existsSync);
}

async function build() {
  const digest = digestOfSources();
  if (isBuiltFrom(digest)) return;
  for (const output of ['dist', `${verifier}/dist`, `${client}/dist`])
    rmSync(output, { recursive: true, force: true });
  compile('tsconfig.build.json');
  compile(`${verifier}/tsconfig.json`);
  compile(`${client}/tsconfig.json`);
  cpSync(`${verifier}/dist`, 'dist/verify', { recursive: true }); // `gatehouse-auth/verify`
  await copyAssets();
  await bundle();
  run('bin/compile-cache.js');
  writeFileSync(stamp, digest);
}

function compile(project) {
  run('node_modules/typescript/bin/tsc', '-p', project);
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

async function copyAssets() {
  const { assetSources } = await import('../dist/core/package.js');
  // The page of the API loads none of these files.
  const isUsed = (path) => !/swagger-ui(-standalone-preset)?\.js$|\.map$/.test(path);
  for (const [name, source] of Object.entries(assetSources)) {
    cpSync(source, join('dist/assets', name), { recursive: true, filter: isUsed });
  }
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

/** Another user than the owner of node_modules, who may start the service, could not create the links. */
async function linkLibraries() {
  const { completeInstalledLinks } = await import('../dist/embedded-postgres/programs.js');
  await completeInstalledLinks();
}

await build();
linkLauncher();
await linkLibraries();
