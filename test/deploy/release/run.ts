/**
 * Packs the packages as a release does, and uses them as a stranger would: `npm run release:check`. It installs the
 * service in an empty directory with the Node.js of the machine, starts it with npx as root and as another user,
 * verifies tokens with both copies of the verifier, and logs in with the client. It installs 300 MB, so the tests do not
 * include it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../support/free-port.ts';
import { findMachineNode, machineEnvironment, runNpm } from '../../support/machine.ts';
import { until } from '../../support/until.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const feedKey = 'feed-key-of-the-check-0123456789-abcdef';
const [email, password] = ['ada@example.com', 'correct horse battery staple'];
const nobody = 65_534;
const limitMilliseconds = 60_000;
/** Megabytes; docs/packages.md has the parts. */
const largestInstallation = 320;

const clientProgram = `
import assert from 'node:assert/strict';
import { createClient } from '@gatehouse-auth/client';

const { url, email, password } = process.env;
const client = createClient({ url, transport: 'memory' });
const reasons = [];
client.onChange(({ reason }) => reasons.push(reason));
assert.equal((await client.login({ email, password: 'wrong' })).code, 'INVALID_CREDENTIALS');
assert.equal((await client.login({ email, password })).__typename, 'TokenPair');
const first = await client.getAccessToken();
assert.equal((await client.refresh()).email, email);
assert.notEqual(await client.getAccessToken(), first);
await client.logout();
assert.equal(await client.me(), null);
assert.deepEqual(reasons, ['login', 'logout']);
client.close();
`;

const node = findMachineNode();
if (node === undefined) throw new Error('this machine has no Node.js outside of npm');
const directory = await mkdtemp(join(tmpdir(), 'gatehouse-release-'));
process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
execFileSync('chmod', ['755', directory]);

const tarballs = join(directory, 'tarballs');
execFileSync(process.execPath, [join(root, 'bin/release.js'), tarballs], { stdio: 'inherit' });
execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: tarballs });
const tarballOf = (start: RegExp) =>
  join(tarballs, readdirSync(tarballs).find((name) => start.test(name)) ?? '');

const home = join(directory, 'service');
mkdirSync(home);
printLine(`installing the service with Node.js ${execFileSync(node, ['--version'])}`.trim());
install();
// The other user is first: it finds no links of the libraries of PostgreSQL, and cannot create them in node_modules.
const users = process.getuid?.() === 0 ? [nobody, undefined] : [undefined];
for (const user of users) await checkService(user);
printLine('the packages install, serve, verify and log in');

function install(): void {
  const started = performance.now();
  const output = runNpm(home, ['install', '--ignore-scripts', tarballOf(/^gatehouse-auth-\d/)]);
  assert.doesNotMatch(output, /EBADENGINE|deprecated/);
  const [megabytes = ''] = execFileSync('du', ['-sm', 'node_modules'], { cwd: home })
    .toString()
    .split('\t');
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  printLine(`installed ${megabytes} MB in ${seconds} s`);
  assert.ok(Number(megabytes) <= largestInstallation, `${megabytes} MB are too much`);
}

/** A start with npx, a registration, a login, and verified tokens. `uid` may not write to node_modules. */
async function checkService(uid: number | undefined): Promise<void> {
  const port = String(await freePort());
  const address = `http://localhost:${port}`;
  const cwd = join(directory, `data-${uid ?? 'own'}`);
  mkdirSync(cwd);
  if (uid !== undefined) chownSync(cwd, uid, uid);
  const environment = {
    ...machineEnvironment,
    HOME: cwd,
    PORT: port,
    GATEHOUSE_DATA_DIR: join(cwd, '.gatehouse'),
    REVOCATION_FEED_KEY: feedKey,
  };
  const user = uid === undefined ? {} : { uid, gid: uid };
  const server = spawn('npx', ['gatehouse', 'serve'], {
    cwd: home,
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true, // npx passes no signal on, so the whole group gets it
    ...user,
  });
  try {
    await until(() => isReady(address), limitMilliseconds);
    const token = await registerAndLogIn(address);
    await checkVerifier(address, token);
    await checkClient(address);
    printLine(`served, verified and logged in as the user ${uid ?? process.getuid?.()}`);
  } finally {
    await stopGroup(server);
  }
}

async function isReady(address: string): Promise<boolean> {
  return fetch(`${address}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function registerAndLogIn(address: string): Promise<string> {
  const names = { first_name: 'Ada', last_name: 'Lovelace' };
  await post(address, 'register/', { email, password, password2: password, ...names });
  let code: string | undefined;
  await until(async () => {
    const mailbox = await (await fetch(`${address}/dev/mailbox`)).text();
    code = /Code: ([\w-]+)/.exec(mailbox)?.[1];
    return code !== undefined;
  });
  assert.ok((await fetch(`${address}/auth/register/verify?code=${code}`)).ok);
  const { data } = await post(address, 'login/', { email, password });
  return data.access_token;
}

async function post(
  address: string,
  path: string,
  body: object,
): Promise<{ readonly data: { readonly access_token: string } }> {
  const response = await fetch(`${address}/auth/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${path} answers ${response.status}`);
  return JSON.parse(await response.text());
}

/** The service of the README of the verifier, unchanged, and the copy of the verifier in the package of the service. */
async function checkVerifier(gatehouse: string, token: string): Promise<void> {
  const verifierHome = await mkdtemp(join(directory, 'verifier-'));
  runNpm(verifierHome, ['install', tarballOf(/^gatehouse-auth-verify/)]);
  const readme = join(verifierHome, 'node_modules/@gatehouse-auth/verify/README.md');
  const [, example = ''] =
    /^```js server\.mjs\n([\s\S]*?)^```$/m.exec(readFileSync(readme, 'utf8')) ?? [];
  writeFileSync(join(verifierHome, 'server.mjs'), example);
  writeFileSync(join(home, 'server.mjs'), example.replace('@gatehouse-auth', 'gatehouse-auth'));
  const copies = await Promise.all(
    [verifierHome, home].map((cwd) => startVerifier(cwd, gatehouse)),
  );
  try {
    const statuses = () => Promise.all(copies.map(({ address }) => statusOf(address, token)));
    await until(async () => (await statuses()).every((status) => status === 200));
    const headers = { authorization: `Bearer ${token}` };
    await fetch(`${gatehouse}/auth/logout/`, { method: 'POST', headers });
    const delay = await until(async () => (await statuses()).every((status) => status === 401));
    assert.ok(delay < 1000, `a token is accepted for ${delay} ms after the logout`);
  } finally {
    for (const { process: server } of copies) server.kill('SIGTERM');
  }
}

/** Wrong and right logins, a refresh and a logout, with the client in the Node.js of the machine. */
async function checkClient(url: string): Promise<void> {
  const clientHome = await mkdtemp(join(directory, 'client-'));
  runNpm(clientHome, ['install', tarballOf(/^gatehouse-auth-client/)]);
  writeFileSync(join(clientHome, 'client.mjs'), clientProgram);
  const env = { ...machineEnvironment, url, email, password };
  execFileSync(node ?? '', ['client.mjs'], { cwd: clientHome, env, stdio: 'inherit' });
}

async function startVerifier(cwd: string, gatehouse: string) {
  const port = String(await freePort());
  const env = {
    ...machineEnvironment,
    PORT: port,
    GATEHOUSE_URL: gatehouse,
    REVOCATION_FEED_KEY: feedKey,
  };
  const server = spawn(node ?? '', ['server.mjs'], { cwd, env, stdio: 'inherit' });
  return { process: server, address: `http://127.0.0.1:${port}` };
}

async function statusOf(address: string, token: string): Promise<number> {
  return fetch(address, { headers: { authorization: `Bearer ${token}` } }).then(
    ({ status }) => status,
    () => 0,
  );
}

/** Stops the group of a process, and waits until none of the group is left. */
async function stopGroup({ pid = 0 }: ChildProcess): Promise<void> {
  if (isRunning(-pid)) process.kill(-pid, 'SIGTERM');
  await until(async () => !isRunning(-pid));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
