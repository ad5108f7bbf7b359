/** The packages as npm installs them: their tarballs, and the verifier and the client in empty directories. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBrowser, launchBrowser, noBrowserReason } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { installPackages } from '../support/install-packages.ts';
import { findMachineNode, machineEnvironment, runNpm } from '../support/machine.ts';
import { goodPassword, somebody } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startService, type TestService } from '../support/service.ts';
import { logOut } from '../support/session-calls.ts';
import { until } from '../support/until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const feedKey = 'feed-key-of-the-tests-0123456789-abcdef';
const node = findMachineNode() ?? process.execPath;
const browserPath = findBrowser();
if (!browserPath) console.warn(`skipped: the verifier in a browser, as ${noBrowserReason}`);

/** The directory with the tarballs. The build has run before, and must not run beside other tests. */
let tarballs: string;
let names: readonly string[];
beforeAll(() => {
  tarballs = makeScratchDirectory('tarballs');
  const options = ['pack', '--ignore-scripts', '--pack-destination', tarballs];
  runNpm(root, options);
  runNpm(root, [...options, '--workspaces']);
  names = readdirSync(tarballs);
});

const tarballOf = (name: string) =>
  join(tarballs, names.find((each) => each.replace(/-\d.*/, '') === name) ?? name);
const filesOf = (name: string) =>
  execFileSync('tar', ['--list', '--file', tarballOf(name)], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((file) => file.replace('package/', ''));

const packageNames = ['gatehouse-auth', 'gatehouse-auth-verify', 'gatehouse-auth-client'];
describe.each(packageNames)('the tarball of %s', (name) => {
  let tools: string;
  beforeAll(() => {
    tools = installPackages(fileURLToPath(new URL('./packages', import.meta.url)));
  });

  test('publint finds nothing', async () => {
    const entry = createRequire(join(tools, 'x.js')).resolve('publint');
    const { publint }: { publint: (options: object) => Promise<{ messages: unknown[] }> } =
      await import(entry);
    const tarball = new Uint8Array(readFileSync(tarballOf(name))).buffer;
    expect((await publint({ strict: true, pack: { tarball } })).messages).toEqual([]);
  });

  test('attw finds its types for ECMAScript modules', () => {
    const command = join(tools, 'node_modules/.bin/attw');
    const options = ['--profile', 'esm-only', '--format', 'json', tarballOf(name)];
    // It exits with 1 and throws if it finds a problem.
    const { analysis } = JSON.parse(
      execFileSync(node, [command, ...options], { env: machineEnvironment, encoding: 'utf8' }),
    );
    expect(Object.keys(analysis.entrypoints).length).toBeGreaterThan(0);
    expect(analysis.types.kind).toBe('included');
  });

  test('has a licence and a README, and no sources, tests or maps', () => {
    const files = filesOf(name);
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
    expect(files.filter((file) => /^(src|test|node_modules)\/|\.map$/.test(file))).toEqual([]);
    expect(files.filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))).toEqual([]);
  });
});

test('the service brings its bundle, its schema, the verifier and the notices of the bundled packages', () => {
  const files = filesOf('gatehouse-auth');
  expect(files).toEqual(
    expect.arrayContaining([
      'bin/gatehouse.js',
      'dist/THIRD-PARTY-NOTICES.txt',
      'dist/bundle/command-line.js',
      'dist/bundle/crypto/password/worker.js',
      'dist/verify/verify.d.ts',
      'dist/verify/verify.js',
      'schema.graphql',
    ]),
  );
  const notices = readFileSync(join(root, 'dist/THIRD-PARTY-NOTICES.txt'), 'utf8');
  for (const name of ['fastify', 'graphql', 'pg', 'altair-static', '@fastify/swagger-ui'])
    expect(notices).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(MIT\\)$`, 'm'));
});

describe('the client, installed in an empty directory', () => {
  let directory: string;
  beforeAll(() => {
    directory = makeScratchDirectory('client');
    runNpm(directory, ['install', tarballOf('gatehouse-auth-client')]);
  });

  test('brings no other package', () => {
    const packages = join(directory, 'node_modules');
    const directories = readdirSync(packages).filter((name) => !name.startsWith('.'));
    expect(directories).toEqual(['@gatehouse-auth']);
    expect(readdirSync(join(packages, '@gatehouse-auth'))).toEqual(['client']);
  });

  test('logs in and out on the Node.js of the machine, and lets the process end', async () => {
    await using service = await startService();
    const { email } = await somebody(service);
    const script = `
      import { createClient } from '@gatehouse-auth/client';
      const client = createClient({ url: ${JSON.stringify(service.address)}, transport: 'memory' });
      const credentials = { email: ${JSON.stringify(email)}, password: ${JSON.stringify(goodPassword)} };
      const { user } = await client.login(credentials);
      console.log(user.email, (await client.me()).id === user.id);
      await client.logout();
      console.log((await client.login({ ...credentials, password: 'wrong' })).code);
      await client.login(credentials); // its timer must not keep the process running`;
    writeFileSync(join(directory, 'app.mjs'), script);
    const { stdout } = await promisify(execFile)(node, ['app.mjs'], {
      cwd: directory,
      env: machineEnvironment,
      timeout: 20_000,
    });
    expect(stdout).toBe(`${email} true\nINVALID_CREDENTIALS\n`);
  });
});

describe('the verifier, installed in an empty directory', () => {
  let directory: string;
  let service: TestService;
  beforeAll(async () => {
    directory = makeScratchDirectory('stranger');
    runNpm(directory, ['install', tarballOf('gatehouse-auth-verify')]);
    const port = String(await freePort());
    const environment = {
      PORT: port,
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      REVOCATION_FEED_KEY: feedKey,
    };
    service = await startService({ environment });
  });
  afterAll(() => service.close());

  test('has jose as its one dependency, and less than 2 MB', () => {
    const packages = join(directory, 'node_modules');
    const directories = readdirSync(packages).filter((name) => !name.startsWith('.'));
    expect(directories).toEqual(['@gatehouse-auth', 'jose']);
    const sizes = readdirSync(packages, { recursive: true, encoding: 'utf8' })
      .map((name) => statSync(join(packages, name)))
      .map((entry) => (entry.isFile() ? entry.size : 0));
    const bytes = sizes.reduce((total, size) => total + size, 0);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(2_000_000);
  });

  describe('the service of its README, on the Node.js of the machine', () => {
    let server: ChildProcess;
    let address: string;
    beforeAll(async () => {
      const readme = readFileSync(
        join(directory, 'node_modules/@gatehouse-auth/verify/README.md'),
        'utf8',
      );
      const [, example = ''] = /^```js server\.mjs\n([\s\S]*?)^```$/m.exec(readme) ?? [];
      writeFileSync(join(directory, 'server.mjs'), example);
      const PORT = String(await freePort());
      address = `http://127.0.0.1:${PORT}`;
      server = spawn(node, ['server.mjs'], {
        cwd: directory,
        env: {
          ...machineEnvironment,
          PORT,
          GATEHOUSE_URL: service.address,
          REVOCATION_FEED_KEY: feedKey,
        },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      const { accessToken } = await somebody(service);
      await until(async () => (await statusOf(accessToken)) === 200);
    });
    afterAll(async () => {
      server.kill('SIGTERM');
      if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
    });

    const statusOf = (token: string) =>
      fetch(address, { headers: { authorization: `Bearer ${token}` } }).then(
        ({ status }) => status,
        () => 0,
      );

    test('accepts a user, and refuses the token within a second after logout', async () => {
      const ada = await somebody(service);
      const response = await fetch(address, {
        headers: { authorization: `Bearer ${ada.accessToken}` },
      });
      expect([response.status, await response.text()]).toEqual([200, `Hello, ${ada.userId}\n`]);
      expect(await statusOf(`${ada.accessToken}x`)).toBe(401);
      await logOut(service, ada.accessToken);
      expect(await until(async () => (await statusOf(ada.accessToken)) === 401)).toBeLessThan(1000);
    });
  });

  test.skipIf(!browserPath)('verifies a token in Chromium', async () => {
    const page = `<!doctype html><script type="importmap">${JSON.stringify({
      imports: {
        '@gatehouse-auth/verify': '/@gatehouse-auth/verify/dist/verify.js',
        jose: '/jose/dist/webapi/index.js',
      },
    })}</script>`;
    const files = createServer(({ url = '/' }, response) => {
      const isPage = url === '/';
      response.setHeader('content-type', isPage ? 'text/html' : 'text/javascript');
      const file = join(directory, 'node_modules', url);
      if (!isPage && !existsSync(file))
        response.writeHead(404).end(); // the icon
      else response.end(isPage ? page : readFileSync(file));
    }).listen(0, '127.0.0.1');
    await once(files, 'listening');
    const { port } = files.address() as AddressInfo; // listens on TCP
    const { accessToken, userId } = await somebody(service);
    await using browser = await launchBrowser(browserPath ?? '');
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${port}/`);
    const verified = await tab.evaluate(
      `import('@gatehouse-auth/verify').then(async ({ createVerifier }) => {
        const verifier = createVerifier({ issuer: ${JSON.stringify(service.address)} });
        const { userId } = await verifier.verify(${JSON.stringify(accessToken)});
        const refusal = await verifier.verify(${JSON.stringify(`${accessToken}x`)}).catch(({ code }) => code);
        return [userId, refusal];
      })`,
    );
    files.close();
    expect(verified).toEqual([userId, 'INVALID_TOKEN']);
  });
});
