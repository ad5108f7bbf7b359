/** Code blocks of the documentation work unchanged against a real service. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv, promisify } from 'node:util';
import { buildSchema, parse, validate } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { findBrowser, launchBrowser, noBrowserReason } from '../support/browser.ts';
import { canRun } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { schemaText } from '../support/operations.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { testSecretKey } from '../support/secret-key.ts';
import { blocksOf, type CodeBlock, pagePaths, rowsOf } from './pages.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../', import.meta.url));
const allBlocks = pagePaths.flatMap(blocksOf);
const blocksWith = (info: string, page?: string): readonly CodeBlock[] =>
  allBlocks.filter((block) => block.info === info && (page ?? block.page) === block.page);

/** A service with the port of the documentation, `localhost:4000`, replaced by a free one. */
class Service {
  readonly #process: ChildProcess;

  private constructor(
    process: ChildProcess,
    readonly port: number,
    readonly dataDirectory: string,
  ) {
    this.#process = process;
  }

  static async start(environment: Readonly<Record<string, string>> = {}): Promise<Service> {
    const [port, dataDirectory] = [await freePort(), makeScratchDirectory('a tour')];
    const child = spawn(process.execPath, ['bin/gatehouse.js', 'serve'], {
      cwd: root,
      env: { ...environmentOf(port, dataDirectory), ...environment },
    });
    await new Promise<void>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (chunk) => {
        text += chunk;
        if (text.includes('Server listening')) resolve();
      });
      child.once('exit', () => reject(new Error(`the server ended: ${text}`)));
    });
    return new Service(child, port, dataDirectory);
  }

  get environment(): NodeJS.ProcessEnv {
    return environmentOf(this.port, this.dataDirectory);
  }

  here(text: string): string {
    return text.replaceAll('localhost:4000', `localhost:${this.port}`);
  }

  /** The output of each block of a page. */
  async shell(
    blocks: readonly CodeBlock[],
    { shell = 'bash', directory = root, prelude = '' } = {},
  ): Promise<readonly string[]> {
    const script = this.here(blocks.map(({ text }) => text).join("\necho; echo '====='\n"));
    const options = { cwd: directory, env: this.environment };
    const { stdout } = await run(shell, ['-euc', prelude + script], options);
    return stdout.split('=====\n');
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
    await rm(this.dataDirectory, { recursive: true, force: true });
  }
}

function environmentOf(port: number, dataDirectory: string): NodeJS.ProcessEnv {
  return { ...process.env, NODE_ENV: '', GATEHOUSE_DATA_DIR: dataDirectory, PORT: String(port) };
}

/** Starts the launcher in place of npx, which takes a second; the tour uses the real npx. */
const directLauncher = `npx() { shift; "${process.execPath}" "${root}bin/gatehouse.js" "$@"; }\n`;

const tour = blocksWith('sh', 'README.md');

function expectTour(parts: readonly string[]): void {
  expect(parts[0]).toContain('Registration successful');
  expect(parts[0]).toContain('Email Verification Successful');
  expect(parts[1]).toContain('"full_name":"Ada Lovelace"');
  expect(parts[1]).toContain('"has_permission":false');
  expect(parts[2]).toContain('"fullName":"Ada Lovelace"');
  expect(parts[2]).toContain('INVALID_CREDENTIALS');
  expect(parts[3]).toMatch(/^204\n.*UNAUTHENTICATED/);
  expect(parts[4]).toMatch(/^Superuser \w+@example\.com /);
  expect(parts[4]).toContain('access_token');
}

const isZshThere = canRun('zsh', 'zsh');
if (!isZshThere)
  console.warn('skipped: the tour in zsh, as zsh is not there and cannot be installed');

const executable = findBrowser();

describe('after the tour in bash', { timeout: 120_000 }, () => {
  let service: Service;
  /** The directory for files of the pages. Inside the package of the verifier, which they import by its name. */
  let directory: string;
  /** An origin whose pages may call the service. */
  let originPort: number;
  beforeAll(async () => {
    originPort = await freePort();
    directory = mkdtempSync(join(root, 'packages/verify/dist', 'examples-'));
    service = await Service.start({ CORS_ALLOWED_ORIGINS: `http://localhost:${originPort}` });
    expectTour(await service.shell(tour));
  }, 120_000);
  afterAll(async () => {
    await service.stop();
    await rm(directory, { recursive: true, force: true });
  });

  test.skipIf(!isZshThere)('the tour works in zsh as well, for other addresses', async () => {
    const blocks = tour.map((block) => ({
      ...block,
      text: block.text.replaceAll('ada@', 'zoe@').replaceAll('root@', 'admin@'),
    }));
    expectTour(await service.shell(blocks, { shell: 'zsh' }));
  });

  const write = async (name: string, text: string): Promise<string> => {
    const path = join(directory, name);
    await writeFile(path, service.here(text));
    return path;
  };

  const pages = pagePaths.filter((page) => page !== 'README.md' && blocksWith('sh', page).length);

  /** Output that the examples of a page print. */
  const printed: Readonly<Record<string, RegExp>> = {
    'docs/command-line.md': /grace@example\.com[\s\S]*Support/,
    'docs/email.md': /reset-password/,
    'docs/graphql.md': /accessToken/,
    'docs/moving-people.md': /dry run[\s\S]*1 person read: 1 created/,
    'docs/oauth.md':
      /"access_token":"[\s\S]*"hasPermission":true[\s\S]*"has_permission":true[\s\S]*"active":true.*"scope":"stock.delete_item"/,
    'docs/operations.md': /ok {4}database/,
    'docs/rest.md': /ada@example\.com/,
    'docs/security.md': /[\w-]{64}/,
    'docs/verifying-tokens.md': /"hasGroup":true,"hasPermission":true/,
  };

  test.each(pages)('the shell examples of %s work', async (page) => {
    for (const { info, text } of allBlocks.filter((block) => block.page === page)) {
      const [, file] = /^(?:yaml|json) (\S+)$/.exec(info) ?? [];
      if (file !== undefined) await write(file, text);
    }
    const options = { directory, prelude: directLauncher };
    const output = (await service.shell(blocksWith('sh', page), options)).join('\n');
    expect(output).toMatch(printed[page] ?? /^/);
    expect(Object.keys(printed)).toContain(page);
  });

  const [readmeClient, pageClient] = blocksWith('js browser');
  const credentials = ['ada@example.com', 'correct horse battery'] as const;

  test('the client of the README logs in', async () => {
    const { logIn } = await import(await write('readme.mjs', readmeClient?.text ?? ''));
    expect(await logIn(...credentials)).toMatchObject({ user: { fullName: 'Ada Lovelace' } });
    await expect(logIn('ada@example.com', 'wrong')).rejects.toThrow('INVALID_CREDENTIALS');
  });

  test('the client of docs/graphql.md logs in, reads the profile and logs out', async () => {
    const client = await import(await write('client.mjs', pageClient?.text ?? ''));
    await client.logIn(...credentials);
    expect(await client.me()).toMatchObject({ fullName: 'Ada Lovelace' });
    await client.logOut();
    await expect(client.logIn('ada@example.com', 'wrong')).rejects.toMatchObject({
      code: 'INVALID_CREDENTIALS',
    });
  });

  test.skipIf(executable === undefined)(
    executable === undefined
      ? noBrowserReason
      : 'the client of docs/graphql.md works in a browser of an allowed origin',
    async () => {
      const server = createServer((request, response) => {
        const isScript = request.url === '/client.js';
        response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
        response.end(isScript ? service.here(pageClient?.text ?? '') : '<!doctype html>');
      });
      server.listen(originPort, '127.0.0.1');
      await using browser = await launchBrowser(executable ?? '');
      const page = await browser.newPage();
      await page.goto(`http://localhost:${originPort}/`);
      const name = await page.evaluate(
        `import('/client.js').then(async (client) => {
          await client.logIn(${credentials.map((text) => JSON.stringify(text)).join(', ')});
          return (await client.me()).fullName;
        })`,
      );
      server.close();
      expect(name).toBe('Ada Lovelace');
    },
  );

  test('the verifier of the README accepts a token of the service', async () => {
    const { logIn } = await import(await write('login.mjs', readmeClient?.text ?? ''));
    const { accessToken } = await logIn(...credentials);
    const [example] = blocksWith('js verify');
    const file = await write(
      'verify.mjs',
      `const accessToken = process.argv[2];\n${example?.text}\nconsole.log(userId);`,
    );
    const { stdout } = await run(process.execPath, [file, accessToken]);
    expect(stdout).toMatch(/^[0-9a-f-]{36}\n$/);
  });

  test('docs/verifying-tokens.md names every part of an access token', async () => {
    const { logIn } = await import(await write('parts.mjs', readmeClient?.text ?? ''));
    const { accessToken } = await logIn(...credentials);
    const [header, claims] = String(accessToken)
      .split('.')
      .slice(0, 2)
      .map((part) => Object.keys(JSON.parse(Buffer.from(part, 'base64url').toString())));
    const documented = rowsOf('docs/verifying-tokens.md', 'Other languages')
      .flatMap(([cell = '']) => [...cell.matchAll(/`(\w+)`/g)])
      .map(([, name]) => name);
    expect(documented.toSorted()).toEqual([...(header ?? []), ...(claims ?? [])].sort());
  });
});

test.each(blocksWith('env').map((block) => [block.page, block.text] as const))(
  'the settings of %s are accepted together, with another SECRET_KEY',
  (_page, text) => {
    const directory = makeScratchDirectory('settings');
    const settings = parseEnv(text);
    const complete =
      'SECRET_KEY' in settings ? { ...settings, SECRET_KEY: testSecretKey } : settings;
    expect(() => readConfig(complete, directory)).not.toThrow();
  },
);

test('the texts of the example are accepted', async () => {
  const [example] = blocksWith('json texts');
  const directory = makeScratchDirectory('texts');
  await writeFile(join(directory, 'en.json'), example?.text ?? '');
  expect(() => readConfig({ TEMPLATES_DIR: directory }, directory)).not.toThrow();
});

test('every GraphQL example is valid', () => {
  const schema = buildSchema(schemaText);
  const examples = blocksWith('graphql');
  expect(examples.length).toBeGreaterThan(1);
  for (const { text } of examples)
    expect([text, validate(schema, parse(text))]).toEqual([text, []]);
});

/**
 * Blocks that this test does not execute: they need a network, an engine, a cluster, a mail server or an API key.
 * `secret-scanners.unit.test.ts` checks the patterns of secret scanners.
 */
const unexecuted = [
  ['README.md', 'git clone https://git.example.com/gatehouse.git'],
  ['README.md', 'npm ci && npm start'],
  ['README.md', 'npm ci && npm test'],
  [
    'docs/benchmarks.md',
    'npm run bench -- clients me login cost statements peers start latency workers --quick',
  ],
  ['docs/browser-apps.md', 'CORS_ALLOWED_ORIGINS=http://localhost:5173 npx gatehouse serve'],
  ['docs/browser-apps.md', 'npm init --yes'],
  ['docs/browser-apps.md', 'location /gatehouse/ {'],
  ['docs/contributing.md', 'npm ci'],
  ['docs/contributing.md', 'npx vitest run test/docs/tables.unit.test.ts'],
  ['docs/deployment.md', "create role gatehouse login password 'password';"],
  ['docs/deployment.md', 'auth.example.com {'],
  ['docs/deployment.md', 'git clone https://git.example.com/gatehouse.git /srv/gatehouse'],
  ['docs/deployment.md', '[Unit]'],
  ['docs/deployment.md', 'npx gatehouse createsuperuser'],
  ['docs/deployment.md', 'docker build --file deploy/Containerfile --tag gatehouse .'],
  ['docs/deployment.md', 'cd deploy/compose'],
  ['docs/deployment.md', 'docker compose up --build --wait'],
  ['docs/deployment.md', 'docker compose -f compose.yaml -f compose.tls.yaml up --build --wait'],
  [
    'docs/deployment.md',
    "docker network inspect gatehouse_default --format '{{(index .IPAM.Config 0).Gateway}}' >> trusted-proxies.lst",
  ],
  ['docs/deployment.md', 'kubectl create secret generic gatehouse --from-env-file=secret.env'],
  ['docs/deployment.md', 'pg_dump --format=custom --file=gatehouse.dump "$DATABASE_URL"'],
  ['docs/deployment.md', 'pg_restore --no-owner --dbname="$DATABASE_URL" gatehouse.dump'],
  ['docs/email.md', 'npx gatehouse mail test you@example.com'],
  ['docs/migrating-from-django.md', "grep -E ' (django|refused) ' /var/log/nginx/migration.log"],
  [
    'docs/moving-people.md',
    'python manage.py dumpdata auth.permission auth.group contenttypes users.user users.group > people.json',
  ],
  ['docs/moving-people.md', 'bin/kc.sh export --realm demo --users same_file --file people.json'],
  [
    'docs/moving-people.md',
    `psql "$SUPABASE_URL" -c "\\copy (select * from auth.users) to 'people.csv' with (format csv, header)"`,
  ],
  ['docs/moving-people.md', 'npx gatehouse import users users.json --format auth0'],
  ['docs/moving-people.md', 'firebase auth:export people.json --format json'],
  ['docs/oauth.md', 'curl -u "$CLIENT_ID:$API_KEY" https://auth.example.com/oauth/token \\'],
  ['docs/oauth.md', 'http:'],
  ['docs/operations.md', "alter role gatehouse set statement_timeout = '4s';"],
  ['docs/packages.md', 'npm install /path/to/gatehouse-auth-0.1.0.tgz'],
  ['docs/packages.md', 'npm run release'],
  ['docs/security.md', "curl https://auth.example.com/graphql -H 'Authorization: Bearer gk_…' \\"],
  ['docs/security.md', '\\bgk_[0-9A-Za-z]{49}\\b'],
  ['docs/security.md', '[[rules]]'],
  [
    'docs/security.md',
    'npx gatehouse audit tail --actor ada@example.com --action service-account-created --limit 1000',
  ],
  [
    'docs/security.md',
    `npx gatehouse audit tail --actor ada@example.com --limit 100000 --json | grep '"apiKeyId":"019ad2b4-3a52-7c1e-9f0e-2b6f3a5d8c11"'`,
  ],
  ['docs/security.md', 'npx gatehouse users update ada@example.com --email ada@example.org'],
];

/** The blocks that tests execute or check. */
const checked: ReadonlySet<string> = new Set([
  'html index.html',
  'js main.js',
  'js plain.js',
  'js apollo-client',
  'js urql-client',
  'js vite.config.js',
  'jsx App.jsx',
  'env',
  'graphql',
  'graphql orders',
  'js apollo',
  'js browser',
  'js compose',
  'js express',
  'js gateway',
  'js graphql-request',
  'js openid-client',
  'js orval',
  'js passport',
  'js relay',
  'js relay-updater',
  'js urql',
  'js verifier',
  'js verify',
  'json people.jsonl',
  'csv people.csv', // test/features/user-import/formats/csv.unit.test.ts
  'json texts',
  'python django',
  'python find.py',
  'python fix.py',
  'python pending.py',
  'python pyjwt',
  'sh',
  'sh again',
  'sh back',
  'sh dump',
  'sh find',
  'sh fix',
  'sh generators',
  'sh import',
  'sh pending',
  'sh plain',
  'sh rehearse',
  'sql hashes',
  'sql ids',
  'sql remove',
  'text',
  'yaml access.yaml',
]);

test('every block is executed or checked by a test, marked as for a deployment, or plain text', () => {
  const others = allBlocks.filter(({ info }) => !checked.has(info));
  expect(others.filter(({ info }) => !/^\w+ deploy$/.test(info))).toEqual([]);
  expect(others.map(({ page, text }) => [page, text.split('\n')[0]])).toEqual(unexecuted);
});
