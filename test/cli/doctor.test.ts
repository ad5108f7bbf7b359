/** `doctor`: the finding and the remedy for each fault. */
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { environmentOf, type Variables } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { foreignHashes } from '../support/foreign-hashes.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startService, type TestService } from '../support/service.ts';

vi.setConfig({ testTimeout: 60_000 });

interface Finding {
  readonly judgement: 'ok' | 'warn' | 'fail';
  readonly check: string;
  readonly what: string;
  readonly remedy?: string;
}

let mail: MailServer;
let service: TestService;
let environment: Variables;
let directory: string;
beforeAll(async () => {
  mail = await startMailServer();
  const { SECRET_KEY = '' } = environmentOf({ url: '' });
  service = await startService({ mail, environment: { SECRET_KEY } });
  directory = makeScratchDirectory('doctor');
  environment = {
    ...environmentOf(service.database, mail),
    ALLOWED_HOSTS: 'auth.test,localhost',
    PUBLIC_URL: 'http://localhost:4000',
    GATEHOUSE_DATA_DIR: directory,
  };
});
afterAll(async () => {
  await service.close();
  await mail.close();
  await rm(directory, { recursive: true });
});

/** The findings with these changes to the environment. */
async function examine(changes: Variables = {}) {
  const { code, stdout, stderr } = await runCommand(['doctor', '--json'], {
    environment: { ...environment, ...changes },
  });
  expect(stderr).toBe('');
  const findings: Finding[] = JSON.parse(stdout);
  return { code, findings, of: (name: string) => findings.filter(({ check }) => check === name) };
}

test('without faults every check prints one line, and the exit code is 0', async () => {
  const { code, findings } = await examine();
  expect(findings.filter(({ judgement }) => judgement !== 'ok')).toEqual([]);
  expect(findings.map(({ check }) => check)).toEqual([
    'configuration',
    'data directory',
    'proxy',
    'database',
    'database TLS',
    'clock',
    'migrations',
    'signing keys',
    'mail queue',
    'change feed',
    'jobs',
    'mail server',
  ]);
  expect(code).toBe(0);
  const { stdout } = await runCommand(['doctor'], { environment });
  expect(stdout.trimEnd().split('\n')).toHaveLength(findings.length);
  expect(stdout).toMatch(/^ok {4}database {8}PostgreSQL \d+/m);
});

test.each<[string, Variables, string, Finding['judgement'], RegExp]>([
  [
    'the database is unavailable',
    { DATABASE_URL: 'postgresql://me@127.0.0.1:1/none' },
    'database',
    'fail',
    /ECONNREFUSED/,
  ],
  [
    'there is no connection without the pooler',
    { DATABASE_DIRECT_URL: 'postgresql://me@127.0.0.1:1/none' },
    'pooler bypass',
    'fail',
    /ECONNREFUSED/,
  ],
  [
    'the secret key is another one',
    { SECRET_KEY: 'another-key-0123456789-abcdefghijklmnopq' },
    'signing keys',
    'fail',
    /not the key/,
  ],
  ['the mail server is unavailable', { EMAIL_PORT: '1' }, 'mail server', 'fail', /ECONNREFUSED/],
  ['the mail server has no TLS', { EMAIL_USE_TLS: 'True' }, 'mail server', 'fail', /STARTTLS/],
  ['there is no mail server', { EMAIL_HOST: '' }, 'mail server', 'warn', /development mailbox/],
  [
    'links lead to a host that is not allowed',
    { PUBLIC_URL: 'https://elsewhere.test' },
    'proxy',
    'fail',
    /elsewhere\.test/,
  ],
  ['a proxy is not counted', { PUBLIC_URL: 'https://auth.test' }, 'proxy', 'warn', /TRUST_PROXY/],
  [
    'the port is reachable past the proxy',
    { PUBLIC_URL: 'https://auth.test', TRUST_PROXY: '1', HOST: '0.0.0.0' },
    'proxy',
    'warn',
    /past the proxy/,
  ],
  ['there is no TLS', { PUBLIC_URL: 'http://auth.test' }, 'proxy', 'warn', /without TLS/],
])(
  '%s: a finding with a remedy, and the other findings',
  async (_case, changes, check, judgement, what) => {
    const { code, of } = await examine(changes);
    const [finding] = of(check);
    expect(finding).toMatchObject({
      judgement,
      what: expect.stringMatching(what),
      remedy: expect.stringMatching(/\w{3}/),
    });
    expect(code).toBe(judgement === 'fail' ? 1 : 0);
    expect(of('data directory')[0]?.judgement).toBe('ok');
  },
);

test('each fault of the configuration is a finding', async () => {
  const { code, findings } = await examine({ PORT: 'x', DATABASE_URL: 'mysql://x' });
  expect(code).toBe(1);
  expect(findings.map(({ what }) => what.split(' ')[0]).sort()).toEqual(['DATABASE_URL', 'PORT']);
});

test('an empty database stays empty, and newer and older schemas have different findings', async () => {
  const [empty, other] = await Promise.all([createTestDatabase(), createTestDatabase()]);
  await empty.query('drop schema public cascade; create schema public');
  const found = await examine({ DATABASE_URL: empty.url });
  expect(found.of('migrations')).toMatchObject([
    { judgement: 'warn', what: 'the database is empty' },
  ]);
  expect(await tablesOf(empty)).toEqual([]);

  await other.query("update mikro_orm_migrations set name = '29990101-later' where id = 1");
  const ahead = await examine({ DATABASE_URL: other.url });
  expect(ahead.of('migrations')).toMatchObject([{ judgement: 'fail' }]);
  expect(ahead.of('server')).toMatchObject([{ judgement: 'warn' }]);
  await other.query('delete from mikro_orm_migrations where id = 1');
  const behind = await examine({ DATABASE_URL: other.url });
  expect(behind.of('migrations')).toMatchObject([
    { judgement: 'warn', what: expect.stringMatching(/^missing: /) },
  ]);
  await Promise.all([empty.drop(), other.drop()]);
});

const tablesOf = ({ query }: TestDatabase) =>
  query("select 1 from information_schema.tables where table_schema = 'public'");

test('a signing key of another algorithm than the configured one is a finding', async () => {
  const { code, of } = await examine({ ACCESS_TOKEN_ALGORITHM: 'RS256' });
  expect(of('signing keys')).toMatchObject([
    {
      judgement: 'warn',
      what: 'the newest key is for ES256, but ACCESS_TOKEN_ALGORITHM is RS256',
      remedy: expect.stringMatching(/restart/),
    },
  ]);
  expect(code).toBe(0);
});

test('dead mails, old keys and open file permissions are findings', async () => {
  await service.database.query(
    `select graphile_worker.add_job('send-mail', '{"mail":"verify-email"}', run_at => now() + interval '1 day')`,
  );
  await service.database.query(
    `update graphile_worker._private_jobs set attempts = max_attempts, last_error = 'x'`,
  );
  await service.database.query(`update signing_keys set signs_from = now() - interval '2 years'`);
  await mkdir(join(directory, 'open'));
  await chmod(join(directory, 'open'), 0o755);
  const { code, of } = await examine({ GATEHOUSE_DATA_DIR: join(directory, 'open') });
  expect(of('mail queue')).toMatchObject([
    { judgement: 'warn', what: expect.stringMatching(/1 dead/) },
  ]);
  expect(of('signing keys')).toMatchObject([
    { judgement: 'warn', remedy: expect.stringMatching(/keys rotate/) },
  ]);
  expect(of('data directory')).toMatchObject([
    { judgement: 'warn', remedy: expect.stringMatching(/^chmod/) },
  ]);
  expect(code).toBe(0);
});

test('hashes of other systems are counted by scheme, and not printed', async () => {
  const hashes = [
    foreignHashes['bcrypt of passlib, $2b$'],
    foreignHashes['bcrypt of passlib, $2b$'],
    foreignHashes['pbkdf2_sha256 of Django 3.2'],
    '!unusable',
  ];
  for (const [index, hash] of hashes.entries())
    await service.database.query(
      `with owner as (
         insert into users (id, email, first_name, last_name, status, locale, created_at, updated_at)
         values (gen_random_uuid(), $1, 'Ada', 'L', 'ACTIVE', 'en', now(), now()) returning id
       ) insert into password_hashes select id, $2, now() from owner`,
      [`moved-${index}@example.net`, hash],
    );
  const { of } = await examine();
  await service.database.query(`delete from users where email like 'moved-%'`);
  expect(of('password hashes')).toEqual([
    {
      judgement: 'ok',
      check: 'password hashes',
      what: 'hashes of other systems, which the next login replaces: bcrypt $2b$ 2, pbkdf2_sha256 1, unusable 1',
    },
  ]);
});

test.each([
  [3, 'warn'],
  [-60, 'fail'],
] as const)('a clock that is %i seconds wrong is a finding: %s', async (seconds, judgement) => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000, shouldAdvanceTime: true });
  try {
    const { of } = await examine();
    expect(of('clock')).toMatchObject([{ judgement, remedy: expect.stringContaining('NTP') }]);
  } finally {
    vi.useRealTimers();
  }
});
