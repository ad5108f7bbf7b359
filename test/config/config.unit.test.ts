/** The environment: what each variable defaults to, what it may be, and what a wrong one is told. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { type Config, ConfigError, type Environment, readConfig } from '../../src/config/config.ts';
import { defaultLimits } from '../../src/config/rate-limits.ts';
import { variables as declaredVariables } from '../../src/config/variables.ts';
import { rootCertificate } from '../support/root-certificate.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

const root = makeScratchDirectory('config');
afterAll(() => rmSync(root, { recursive: true }));

/** A directory without a .env file. */
const empty = join(root, 'empty');
mkdirSync(empty);

const read = (environment: Environment) => readConfig(environment, empty);

/** The faults that a ConfigError lists; none when the environment is accepted. */
function faultsOf(environment: Environment, directory = empty): string[] {
  try {
    readConfig(environment, directory);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').flatMap((line) => line.match(/^ {2}- (.*)/)?.[1] ?? []);
  }
}

const secretKey = 'kG7-wq2Zx0vT9yB4nM6sL1pR8dF3hJ5c';
const production = {
  NODE_ENV: 'production',
  SECRET_KEY: secretKey,
  DATABASE_URL: 'postgresql://gatehouse:pa55word@db.example.com:5432/gatehouse',
  EMAIL_HOST: 'mail.example.com',
  PUBLIC_URL: 'https://auth.example.com',
  ALLOWED_HOSTS: 'auth.example.com',
};
const oauth2 = {
  EMAIL_HOST_USER: 'me@example.com',
  EMAIL_OAUTH2_CLIENT_ID: 'client',
  EMAIL_OAUTH2_REFRESH_TOKEN: 'refresh',
};
const caFile = join(root, 'ca.pem');
writeFileSync(caFile, rootCertificate);
const noCertificateFile = join(root, 'ca.key');
writeFileSync(noCertificateFile, rootCertificate.replaceAll('CERTIFICATE', 'PRIVATE KEY'));
const brokenCertificateFile = join(root, 'broken.pem');
writeFileSync(
  brokenCertificateFile,
  '-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n',
);
const admin = { DEFAULT_ADMIN_EMAIL: 'root@example.com', DEFAULT_ADMIN_PASSWORD: 'pa55word-root' };
const login = { EMAIL_HOST_USER: 'mailer@example.com', EMAIL_HOST_PASSWORD: 'pa55word-mail' };

interface Variable {
  readonly of: (config: Config) => unknown;
  readonly byDefault: unknown;
  /** Texts and what they are read as. */
  readonly valid: readonly (readonly [text: string, value: unknown])[];
  readonly invalid: readonly string[];
  /** What the message says to do about those. */
  readonly remedy?: RegExp;
  /** What the variable needs beside it. */
  readonly beside?: Environment;
}

const smtp = (pick: (mail: Extract<Config['mail'], { kind: 'smtp' }>) => unknown) => {
  return ({ mail }: Config) => (mail.kind === 'smtp' ? pick(mail) : undefined);
};
const truths = ['True', 'true', '1', 'yes', 'on'].map((text) => [text, true] as const);
const untruths = ['False', 'false', '0', 'no', 'off'].map((text) => [text, false] as const);
const aWholeNumber = /must be (a whole number )?from \d+ to \d+/;
const noNumbers = ['-1', '1.5', 'ten', '5m', '0x10', '99999999999'];

const variables: Readonly<Record<string, Variable>> = {
  SECRET_KEY: {
    of: (config) => config.secretKey,
    byDefault: undefined,
    valid: [
      [secretKey, secretKey],
      ['ключ-из-тридцати-байт', 'ключ-из-тридцати-байт'],
    ],
    invalid: [
      secretKey.slice(1),
      'changeme',
      'changeme'.repeat(4),
      'changeme-changeme-changeme-changeme',
      'changeme-before-you-go-to-production!',
      'x'.repeat(48),
      'ab'.repeat(24),
    ],
    remedy: /at least 32 bytes.*randomBytes|random/,
  },
  DATABASE_URL: {
    of: (config) => config.database?.host,
    byDefault: undefined,
    valid: [
      ['postgresql://me:pa55word@db:5432/auth', 'db'],
      ['postgres://me@db/auth?sslmode=require', 'db'],
    ],
    invalid: ['mysql://me:pa55word@db/auth', 'db:5432', 'postgresql://me:pa55word@db:port/auth'],
    remedy: /postgresql:\/\//,
  },
  DATABASE_DIRECT_URL: {
    of: (config) => config.directDatabase?.host,
    byDefault: undefined,
    valid: [['postgresql://me@db:5432/auth', 'db']],
    invalid: ['mysql://me:pa55word@db/auth'],
    remedy: /postgresql:\/\//,
    beside: { DATABASE_URL: 'postgresql://me@pooler:6432/auth' },
  },
  DEFAULT_ADMIN_EMAIL: {
    of: (config) => config.defaultAdmin?.email,
    byDefault: undefined,
    valid: [['root@example.com', 'root@example.com']],
    invalid: [],
    beside: { DEFAULT_ADMIN_PASSWORD: admin.DEFAULT_ADMIN_PASSWORD },
  },
  DEFAULT_ADMIN_PASSWORD: {
    of: (config) => config.defaultAdmin?.password,
    byDefault: undefined,
    valid: [['a pass phrase ', 'a pass phrase ']],
    invalid: [],
    beside: { DEFAULT_ADMIN_EMAIL: admin.DEFAULT_ADMIN_EMAIL },
  },
  EMAIL_HOST: {
    of: smtp(({ host }) => host),
    byDefault: undefined,
    valid: [['mail.example.com', 'mail.example.com']],
    invalid: [],
  },
  EMAIL_PORT: {
    of: smtp(({ port }) => port),
    byDefault: 587,
    valid: [
      ['25', 25],
      ['465', 465],
    ],
    invalid: ['0', '65536', 'smtp', ...noNumbers],
    remedy: aWholeNumber,
    beside: { EMAIL_HOST: 'mail.example.com' },
  },
  EMAIL_USE_TLS: {
    of: smtp(({ encryption }) => encryption),
    byDefault: 'starttls',
    valid: [
      ...truths.map(([text]) => [text, 'starttls'] as const),
      ...untruths.map(([text]) => [text, 'none'] as const),
    ],
    invalid: ['maybe', '2', 'starttls'],
    remedy: /must be True or False/,
    beside: { EMAIL_HOST: 'mail.example.com' },
  },
  EMAIL_USE_SSL: {
    of: smtp(({ encryption, port }) => [encryption, port]),
    byDefault: ['starttls', 587],
    valid: [
      ...truths.map(([text]) => [text, ['tls', 465]] as const),
      ...untruths.map(([text]) => [text, ['starttls', 587]] as const),
    ],
    invalid: ['maybe', '2', 'ssl'],
    remedy: /must be True or False/,
    beside: { EMAIL_HOST: 'mail.example.com' },
  },
  EMAIL_CA_FILE: {
    of: smtp(({ ca }) => ca),
    byDefault: undefined,
    valid: [[caFile, readFileSync(caFile, 'utf8')]],
    invalid: ['/nowhere/ca.pem', '.', noCertificateFile, brokenCertificateFile],
    remedy: /cannot be read|must hold certificates in PEM/,
    beside: { EMAIL_HOST: 'mail.example.com' },
  },
  EMAIL_OAUTH2_ACCESS_TOKEN: {
    of: smtp(({ login }) => login?.kind === 'access-token' && login.accessToken),
    byDefault: undefined,
    valid: [['ya29.token', 'ya29.token']],
    invalid: [],
    beside: { EMAIL_HOST_USER: 'me@example.com' },
  },
  EMAIL_OAUTH2_CLIENT_ID: {
    of: smtp(({ login }) => login?.kind === 'refresh-token' && login.clientId),
    byDefault: undefined,
    valid: [['client', 'client']],
    invalid: [],
    beside: { EMAIL_HOST_USER: 'me@example.com', EMAIL_OAUTH2_REFRESH_TOKEN: 'refresh' },
  },
  EMAIL_OAUTH2_CLIENT_SECRET: {
    of: smtp(({ login }) => login?.kind === 'refresh-token' && login.clientSecret),
    byDefault: undefined,
    valid: [['pa55word', 'pa55word']],
    invalid: [],
    beside: oauth2,
  },
  EMAIL_OAUTH2_REFRESH_TOKEN: {
    of: smtp(({ login }) => login?.kind === 'refresh-token' && login.refreshToken),
    byDefault: undefined,
    valid: [['refresh', 'refresh']],
    invalid: [],
    beside: { EMAIL_HOST_USER: 'me@example.com', EMAIL_OAUTH2_CLIENT_ID: 'client' },
  },
  EMAIL_OAUTH2_TOKEN_URL: {
    of: smtp(({ login }) => login?.kind === 'refresh-token' && login.tokenUrl),
    byDefault: undefined,
    valid: [
      ['https://login.example.com/token', 'https://login.example.com/token'],
      ['http://127.0.0.1:8080/token', 'http://127.0.0.1:8080/token'],
    ],
    invalid: ['login.example.com/token', 'http://login.example.com/token', 'ftp://127.0.0.1/token'],
    remedy: /must be the https:/,
    beside: oauth2,
  },
  EMAIL_HOST_USER: {
    of: smtp(({ login }) => login?.user),
    byDefault: undefined,
    valid: [['mailer', 'mailer']],
    invalid: [],
    beside: { EMAIL_HOST_PASSWORD: login.EMAIL_HOST_PASSWORD },
  },
  EMAIL_HOST_PASSWORD: {
    of: smtp(({ login }) => (login?.kind === 'password' ? login.password : undefined)),
    byDefault: undefined,
    valid: [['abcd efgh ijkl mnop', 'abcd efgh ijkl mnop']],
    invalid: [],
    beside: { EMAIL_HOST_USER: login.EMAIL_HOST_USER },
  },
  EMAIL_FROM: {
    of: ({ mail }) => mail.from,
    byDefault: { name: '', address: 'gatehouse@localhost' },
    valid: [
      ['accounts@example.com', { name: '', address: 'accounts@example.com' }],
      ...[
        ['Accounts', 'Accounts'],
        ['Acme: Accounts', 'Acme: Accounts'],
        ['Acme, Inc. (Europe)', 'Acme, Inc. (Europe)'],
        ['"Acme: Accounts"', 'Acme: Accounts'],
        ['"The \\"Acme\\" <team>"', 'The "Acme" <team>'],
        ['Ада Лавлейс', 'Ада Лавлейс'],
        ['', ''],
      ].map(
        ([text, name]) =>
          [`${text} <accounts@example.com>`, { name, address: 'accounts@example.com' }] as const,
      ),
      ['Ada <ada@bücher.example>', { name: 'Ada', address: 'ada@bücher.example' }],
    ],
    invalid: [
      'Accounts',
      'Accounts <accounts>',
      'Accounts accounts@example.com',
      'a@example.com, b@example.com',
      'Team: a@example.com;',
      '"Acme <accounts@example.com>',
      'Acme <<accounts@example.com>>',
      'Acme <accounts@example.com> x',
      'Acme <accounts@example.com/path>',
      'Acme <accounts@example..com>',
      'Acme <accounts:x@example.com>',
      'Acme\r\nBcc: x@example.com <accounts@example.com>',
    ],
    remedy: /must be an email address/,
  },
  ALLOWED_HOSTS: {
    of: (config) => config.allowedHosts,
    byDefault: ['localhost', '127.0.0.1', '[::1]'],
    valid: [
      ['auth.example.com', ['auth.example.com']],
      [' Auth.Example.com , .example.org,', ['auth.example.com', '.example.org']],
      ['*', ['*']],
    ],
    invalid: [],
  },
  CORS_ALLOWED_ORIGINS: {
    of: (config) => config.corsAllowedOrigins,
    byDefault: [],
    valid: [
      ['https://app.example.com', ['https://app.example.com']],
      ['https://a.example, http://localhost:3000', ['https://a.example', 'http://localhost:3000']],
      ['https://*.example.com:8443', ['https://*.example.com:8443']],
      [
        'capacitor://localhost,ionic://localhost,tauri://localhost',
        ['capacitor://localhost', 'ionic://localhost', 'tauri://localhost'],
      ],
    ],
    invalid: [
      'app.example.com',
      'https://app.example.com/',
      'https://a.example, *',
      'null',
      'https://*',
      'https://*.com',
      'https://*.*.example.com',
      'https://a*.example.com',
      'https://a.*.example.com',
      '*://example.com',
      'capacitor://*.localhost',
      'file://localhost',
      'tauri://localhost/index.html',
    ],
    remedy: /such as https:\/\//,
  },
  TRUSTED_DOCUMENTS: {
    of: (config) => config.trustedDocumentsFile,
    byDefault: undefined,
    valid: [['/etc/gatehouse/manifest.json', '/etc/gatehouse/manifest.json']],
    invalid: [],
  },
  DEBUG: {
    of: (config) => config.debug,
    byDefault: true,
    valid: [...truths, ...untruths],
    invalid: ['maybe', 'debug'],
    remedy: /must be True or False/,
  },
  HOST: {
    of: (config) => config.host,
    byDefault: '127.0.0.1',
    valid: [
      ['0.0.0.0', '0.0.0.0'],
      ['::', '::'],
    ],
    invalid: [],
  },
  PORT: {
    of: (config) => config.port,
    byDefault: 4000,
    valid: [
      ['8080', 8080],
      [' 80 ', 80],
    ],
    invalid: ['65536', 'http', ...noNumbers],
    remedy: aWholeNumber,
  },
  PUBLIC_URL: {
    of: (config) => config.publicUrl,
    byDefault: 'http://localhost:4000',
    valid: [
      ['https://auth.example.com', 'https://auth.example.com'],
      ['http://auth.example.com:8080/', 'http://auth.example.com:8080'],
    ],
    invalid: ['auth.example.com', 'ftp://auth.example.com', 'https://auth.example.com/?code=1'],
    remedy: /such as https:\/\//,
  },
  REST_PREFIX: {
    of: (config) => config.restPrefix,
    byDefault: '/auth',
    valid: [
      ['/api/v1/auth', '/api/v1/auth'],
      ['/accounts/', '/accounts'],
    ],
    invalid: ['auth', '/', '//auth', '/a b', '/:id', '/auth?x=1'],
    remedy: /path such as \/auth/,
  },
  TRUST_PROXY: {
    of: (config) => config.trustedProxyHops,
    byDefault: 0,
    valid: [['2', 2]],
    invalid: ['true', '10.0.0.1', ...noNumbers],
    remedy: aWholeNumber,
  },
  GATEHOUSE_DATA_DIR: {
    of: (config) => config.dataDirectory,
    byDefault: join(empty, '.gatehouse'),
    valid: [
      ['/var/lib/gatehouse', '/var/lib/gatehouse'],
      ['data dir', join(empty, 'data dir')],
    ],
    invalid: [],
  },
  ACCESS_TOKEN_TTL: {
    of: (config) => config.accessTokenTtlSeconds,
    byDefault: 300,
    valid: [['600', 600]],
    invalid: ['0', ...noNumbers],
    remedy: aWholeNumber,
  },
  REFRESH_TOKEN_TTL: {
    of: (config) => config.refreshTokenTtlSeconds,
    byDefault: 1_209_600,
    valid: [['86400', 86_400]],
    invalid: ['0', ...noNumbers],
    remedy: aWholeNumber,
  },
  SESSION_MAX_AGE: {
    of: (config) => config.sessionMaxAgeSeconds,
    byDefault: 7_776_000,
    valid: [['31536000', 31_536_000]],
    invalid: ['0', ...noNumbers],
    remedy: aWholeNumber,
  },
  MAX_SESSIONS_PER_USER: {
    of: (config) => config.maxSessionsPerUser,
    byDefault: 100,
    valid: [
      ['1', 1],
      ['10000', 10_000],
    ],
    invalid: ['0', '10001', ...noNumbers],
    remedy: aWholeNumber,
  },
  REFRESH_GRACE: {
    of: (config) => config.refreshGraceSeconds,
    byDefault: 30,
    valid: [
      ['0', 0],
      ['60', 60],
    ],
    invalid: noNumbers,
    remedy: aWholeNumber,
  },
  VERIFY_CODE_TTL: {
    of: (config) => config.verifyCodeTtlSeconds,
    byDefault: 86_400,
    valid: [['3600', 3600]],
    invalid: ['0', ...noNumbers],
    remedy: aWholeNumber,
  },
  RESET_TOKEN_TTL: {
    of: (config) => config.resetTokenTtlSeconds,
    byDefault: 3600,
    valid: [['900', 900]],
    invalid: ['0', ...noNumbers],
    remedy: aWholeNumber,
  },
  WORKERS: {
    of: (config) => config.workers,
    byDefault: 1,
    valid: [['4', 4]],
    invalid: ['0', 'auto', ...noNumbers],
    remedy: aWholeNumber,
  },
  MAX_CONNECTIONS: {
    of: (config) => config.maxConnections,
    byDefault: 5000,
    valid: [['20', 20]],
    invalid: ['0', '1000001', ...noNumbers],
    remedy: aWholeNumber,
  },
  SHUTDOWN_DELAY: {
    of: (config) => config.shutdownDelaySeconds,
    byDefault: 0,
    valid: [['5', 5]],
    invalid: ['61', '0.5', ...noNumbers],
    remedy: aWholeNumber,
  },
  PASSWORD_MIN_LENGTH: {
    of: (config) => config.passwordMinLength,
    byDefault: 8,
    valid: [['15', 15]],
    invalid: ['7', ...noNumbers],
    remedy: aWholeNumber,
  },
  RATE_LIMITS: {
    of: (config) => config.rateLimits,
    byDefault: defaultLimits,
    valid: [
      ['on', defaultLimits],
      ['off', undefined],
      ['account=5/60', { ...defaultLimits, account: { points: 5, seconds: 60 } }],
      [
        'code=7/70, mail-network=8/80',
        {
          ...defaultLimits,
          code: { points: 7, seconds: 70 },
          'mail-network': { points: 8, seconds: 80 },
        },
      ],
    ],
    invalid: ['True', '0', 'none', 'account=0/60', 'account=5', 'everybody=5/60', 'account=5/60,'],
    remedy: /must be on, off, or changes such as account=50\/3600/,
  },
  REDIS_URL: {
    of: (config) => config.redisUrl,
    byDefault: undefined,
    valid: [
      ['redis://127.0.0.1:6379', 'redis://127.0.0.1:6379'],
      [
        'rediss://user:secret@cache.example.com:6380/1',
        'rediss://user:secret@cache.example.com:6380/1',
      ],
    ],
    invalid: ['127.0.0.1:6379', 'http://127.0.0.1', 'redis:'],
    remedy: /must look like redis:\/\//,
  },
};

/** One row for each text of a variable, for test.each. */
function rows<Row>(pick: (variable: Variable) => readonly Row[]) {
  return Object.entries(variables).flatMap(([name, variable]) =>
    pick(variable).map((row) => ({ name, variable, row })),
  );
}

describe('a variable', () => {
  test.each(rows(({ byDefault }) => [byDefault]))('$name defaults to $row', ({ variable, row }) => {
    const { EMAIL_HOST } = variable.beside ?? {};
    expect(variable.of(read({ EMAIL_HOST }))).toEqual(row);
  });

  test.each(rows(({ valid }) => valid))('$name may be $row.0', ({ name, variable, row }) => {
    const [text, value] = row;
    const { EMAIL_HOST = name.startsWith('EMAIL_') ? 'mail.example.com' : undefined } =
      variable.beside ?? {};
    expect(variable.of(read({ EMAIL_HOST, ...variable.beside, [name]: text }))).toEqual(value);
  });

  test.each(rows(({ valid }) => valid.slice(0, 1)))(
    '$name left blank counts as left out',
    ({ name, variable }) => {
      const { EMAIL_HOST } = variable.beside ?? {};
      expect(variable.of(read({ EMAIL_HOST, [name]: '' }))).toEqual(variable.byDefault);
    },
  );

  test.each(rows(({ invalid }) => invalid))(
    '$name must not be $row',
    ({ name, variable: { beside, remedy = /./ }, row }) => {
      const [fault = 'none', ...others] = faultsOf({ ...beside, [name]: row });
      expect(fault).toMatch(new RegExp(`^${name} `));
      expect(fault).toMatch(remedy);
      for (const other of others) expect(other).toMatch(new RegExp(`^${name} `));
    },
  );

  // These are accepted by nothing that comes later; the operator should hear of them by their name.
  test.each([
    ['DEFAULT_ADMIN_EMAIL', 'root', { DEFAULT_ADMIN_PASSWORD: admin.DEFAULT_ADMIN_PASSWORD }],
    ['EMAIL_HOST', 'smtp://mail.example.com', {}],
    ['EMAIL_HOST', 'mail.example.com:25', {}],
    ['EMAIL_FROM', 'gatehouse', {}],
    ['ALLOWED_HOSTS', 'https://auth.example.com', {}],
    ['ALLOWED_HOSTS', 'auth.example.com:443', {}],
    ['ALLOWED_HOSTS', ',', {}],
    ['HOST', 'http://0.0.0.0', {}],
  ])('%s must not be %s, which would fail later', (name, text, beside) => {
    expect(faultsOf({ ...beside, [name]: text })).toEqual([
      expect.stringMatching(new RegExp(`^${name} `)),
    ]);
  });
});

describe('faults', () => {
  test('all are told at once, each by its name', () => {
    const faulty = rows(({ invalid }) => invalid.slice(0, 1));
    const environment = Object.fromEntries(faulty.map(({ name, row }) => [name, row]));
    const named = faultsOf(environment).map((fault) => fault.split(' ')[0]);
    expect(new Set(named)).toEqual(new Set(faulty.map(({ name }) => name)));
  });

  test('a wrong value does not hide what is missing or does not go together', () => {
    const faults = faultsOf({
      NODE_ENV: 'production',
      PORT: 'http',
      DEFAULT_ADMIN_EMAIL: 'root@example.com',
      EMAIL_HOST_PASSWORD: 'pa55word',
      RATE_LIMITS: 'off',
    }).join('\n');
    const missing = ['SECRET_KEY', 'DATABASE_URL', 'EMAIL_HOST', 'PUBLIC_URL', 'ALLOWED_HOSTS'];
    const unpaired = ['DEFAULT_ADMIN_PASSWORD', 'EMAIL_HOST_USER'];
    for (const name of ['PORT', ...missing, ...unpaired, 'RATE_LIMITS']) {
      expect(faults).toMatch(new RegExp(`\\b${name}\\b`));
    }
  });

  test.each<[string, Environment, RegExp]>([
    [
      'both kinds of TLS',
      { EMAIL_USE_SSL: 'True', EMAIL_USE_TLS: 'True' },
      /EMAIL_USE_SSL.*EMAIL_USE_TLS/,
    ],
    ['a CA without TLS', { EMAIL_CA_FILE: caFile, EMAIL_USE_TLS: 'False' }, /EMAIL_CA_FILE.*TLS/],
    ['a token without TLS', { ...oauth2, EMAIL_USE_TLS: 'False' }, /EMAIL_OAUTH2_.*TLS/],
    [
      'a token without a user',
      { EMAIL_OAUTH2_ACCESS_TOKEN: 'pa55word' },
      /EMAIL_HOST_USER must be set/,
    ],
    [
      'a token and a password',
      { ...oauth2, EMAIL_HOST_PASSWORD: 'pa55word' },
      /EMAIL_HOST_PASSWORD and/,
    ],
    [
      'two kinds of token',
      { ...oauth2, EMAIL_OAUTH2_ACCESS_TOKEN: 'pa55word' },
      /exclude each other/,
    ],
    [
      'a refresh token without a client',
      { ...oauth2, EMAIL_OAUTH2_CLIENT_ID: '' },
      /CLIENT_ID and/,
    ],
    [
      'a client without a refresh token',
      { ...oauth2, EMAIL_OAUTH2_REFRESH_TOKEN: '' },
      /REFRESH_TOKEN/,
    ],
  ])('%s for mail is one', (_what, environment, fault) => {
    const faults = faultsOf({ EMAIL_HOST: 'mail.example.com', ...environment });
    expect(faults).toEqual([expect.stringMatching(fault)]);
    expect(faults.join()).not.toContain('pa55word');
  });

  test.each<[Environment, string]>([
    [{ EMAIL_PORT: '465' }, 'tls'],
    [{ EMAIL_PORT: '465', EMAIL_USE_SSL: 'False' }, 'starttls'],
    [{ EMAIL_PORT: '2465', EMAIL_USE_SSL: 'True' }, 'tls'],
    [{ EMAIL_USE_SSL: 'True', EMAIL_USE_TLS: 'False' }, 'tls'],
    [{ EMAIL_USE_SSL: 'False', EMAIL_USE_TLS: 'False' }, 'none'],
  ])('%j means %s', (environment, encryption) => {
    expect(read({ EMAIL_HOST: 'mail.example.com', ...environment }).mail).toMatchObject({
      encryption,
    });
  });

  test('the former name of RATE_LIMITS is refused with the new one', () => {
    expect(faultsOf({ ATTEMPT_BUDGETS: 'on' })).toEqual([
      expect.stringMatching(/^ATTEMPT_BUDGETS .*RATE_LIMITS/),
    ]);
  });

  test('a way past the pooler needs the way through it', () => {
    const [fault, ...others] = faultsOf({ DATABASE_DIRECT_URL: 'postgresql://me@db/auth' });
    expect(others).toEqual([]);
    expect(fault).toContain('DATABASE_URL');
  });

  test('no message repeats a secret', () => {
    const environment = {
      SECRET_KEY: 'pa55word',
      DATABASE_URL: 'mysql://root:pa55word@db/auth',
      DEFAULT_ADMIN_PASSWORD: 'pa55word',
      EMAIL_HOST_PASSWORD: 'pa55word',
      PUBLIC_URL: 'https://me:pa55word@auth.example.com',
      PORT: 'http',
    };
    expect(faultsOf(environment).length).toBeGreaterThan(2);
    expect(() => read(environment)).toThrow(/^((?!pa55word)[\s\S])*$/);
  });

  test.each(
    [admin, login].flatMap((pair) => {
      const [one = '', other = ''] = Object.keys(pair);
      return Object.entries(pair).map(([name, value]) => ({ one, other, name, value }));
    }),
  )('$one and $other go together: not $name alone', ({ one, other, name, value }) => {
    const [fault, ...others] = faultsOf({ [name]: value });
    expect(others).toEqual([]);
    for (const each of [one, other, 'both or neither']) expect(fault).toContain(each);
    expect(fault).not.toContain('pa55word');
  });
});

describe('J13: NODE_ENV', () => {
  test.each(['prod', 'Production', ' production', 'production ', 'PRODUCTION', 'staging', 'dev'])(
    '%j is refused, and the allowed values are named',
    (text) => {
      const fault = 'NODE_ENV must be production, development, test or unset';
      expect(faultsOf({ NODE_ENV: text })).toEqual([fault]);
      expect(faultsOf({ ...production, NODE_ENV: text })).toEqual([fault]);
    },
  );

  test.each(['development', 'test', '', undefined])('%j is not production', (text) => {
    expect(read({ NODE_ENV: text })).toMatchObject({ isProduction: false });
  });
});

describe('in production', () => {
  const needed = ['SECRET_KEY', 'DATABASE_URL', 'EMAIL_HOST', 'PUBLIC_URL', 'ALLOWED_HOSTS'];

  test('all that is missing is named at once', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).toEqual(
      needed.map((name) => expect.stringMatching(new RegExp(`^${name} must be set`))),
    );
  });

  test.each(needed)('%s is needed, and blank is missing', (name) => {
    const fault = [expect.stringMatching(new RegExp(`^${name} must be set`))];
    expect(faultsOf({ ...production, [name]: undefined })).toEqual(fault);
    expect(faultsOf({ ...production, [name]: '' })).toEqual(fault);
  });

  test('with these five it may start, and DEBUG is False unless it is set', () => {
    expect(read(production)).toMatchObject({ isProduction: true, debug: false });
    expect(read({ ...production, DEBUG: 'True' })).toMatchObject({ debug: true });
    expect(read({ ...production, NODE_ENV: 'development' })).toMatchObject({
      isProduction: false,
      debug: true,
    });
  });

  test('RATE_LIMITS=off is refused', () => {
    expect(faultsOf({ ...production, RATE_LIMITS: 'off' })).toEqual([
      expect.stringMatching(/^RATE_LIMITS=off .*production/),
    ]);
  });
});

describe('mail settings', () => {
  const relay = {
    kind: 'smtp',
    host: 'mail.example.com',
    port: 587,
    encryption: 'starttls',
    ca: undefined,
    login: undefined,
    from: { name: '', address: 'gatehouse@localhost' },
  };
  const accounts = { name: '', address: 'accounts@example.com' };
  const password = login.EMAIL_HOST_PASSWORD;

  test.each<[string, Environment, object]>([
    ['nothing: the mailbox', {}, { kind: 'mailbox', from: relay.from }],
    [
      'a sender alone: the mailbox',
      { EMAIL_FROM: 'accounts@example.com' },
      { kind: 'mailbox', from: accounts },
    ],
    [
      'a port alone: the mailbox',
      { EMAIL_PORT: '25', EMAIL_USE_TLS: 'False' },
      { kind: 'mailbox', from: relay.from },
    ],
    [
      'a login alone: Gmail with STARTTLS, sent from the login',
      login,
      {
        ...relay,
        host: 'smtp.gmail.com',
        login: { kind: 'password', user: login.EMAIL_HOST_USER, password },
        from: { name: '', address: login.EMAIL_HOST_USER },
      },
    ],
    ['a host alone: a relay without login', { EMAIL_HOST: 'mail.example.com' }, relay],
    [
      'a host without TLS: a plain relay',
      { EMAIL_HOST: 'mail.example.com', EMAIL_PORT: '25', EMAIL_USE_TLS: 'False' },
      { ...relay, port: 25, encryption: 'none' },
    ],
    [
      'a host, a login that is no address, a sender',
      {
        EMAIL_HOST: 'mail.example.com',
        ...login,
        EMAIL_HOST_USER: 'apikey',
        EMAIL_FROM: 'accounts@example.com',
      },
      {
        ...relay,
        login: { kind: 'password', user: 'apikey', password },
        from: accounts,
      },
    ],
  ])('%s', (_, environment, settings) => {
    expect(read(environment).mail).toEqual(settings);
  });
});

describe('the .env file', () => {
  function directoryWith(text: string | Buffer): string {
    const directory = mkdtempSync(join(root, 'env-'));
    writeFileSync(join(directory, '.env'), text);
    return directory;
  }

  test('is read from the directory, and the environment comes before it', () => {
    const directory = directoryWith(
      '# comment\nPORT=5000\nexport REST_PREFIX="/api"\nWORKERS=2 # two\n',
    );
    const config = readConfig({ PORT: '6000', WORKERS: '' }, directory);
    expect(config).toMatchObject({ port: 6000, restPrefix: '/api', workers: 1 });
    expect(config.publicUrl).toBe('http://localhost:6000');
    expect(config.dataDirectory).toBe(join(directory, '.gatehouse'));
    expect(read({}).port).toBe(4000);
  });

  test('may begin with a byte order mark, and is UTF-8', () => {
    expect(readConfig({}, directoryWith('\ufeffPORT=5000\n')).port).toBe(5000);
    const text = 'NODE_ENV=production\nEMAIL_HOST_PASSWORD=größe\n';
    const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');
    for (const bytes of [utf16, Buffer.from(utf16).swap16(), Buffer.from(text, 'latin1')]) {
      expect(faultsOf({}, directoryWith(bytes))).toEqual([
        expect.stringMatching(/^\.env is (UTF-16|not UTF-8): save it as UTF-8$/),
      ]);
    }
  });

  test('can be all there is in production, and its faults are told like others', () => {
    const lines = Object.entries(production).map(([name, value]) => `${name}=${value}`);
    expect(readConfig({}, directoryWith(lines.join('\n'))).isProduction).toBe(true);
    expect(faultsOf({}, directoryWith('PORT=http\r\nWORKERS=many'))).toHaveLength(2);
  });
});

describe('.env.example', () => {
  const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

  test('has every variable, commented out and with a line about it', () => {
    expect(parseEnv(example)).toEqual({});
    const entries = [...example.matchAll(/^# [^\n]{10,}\n#([A-Z0-9_]+)=.*$/gm)].map(
      ([, name]) => name,
    );
    expect(entries.sort()).toEqual(Object.keys(declaredVariables.shape).sort());
  });

  test('uncommented as a whole, it gives the defaults', () => {
    const uncommented = parseEnv(example.replace(/^#(?=[A-Z0-9_]+=)/gm, ''));
    expect(read(uncommented)).toEqual(read({}));
  });
});

describe('the configuration', () => {
  const config = read({ ...admin, EMAIL_HOST: 'mail.example.com' });

  test('is frozen', () => {
    expect(Object.isFrozen(config)).toBe(true);
  });

  test.each(['mail', 'defaultAdmin', 'allowedHosts', 'corsAllowedOrigins'] as const)(
    'is frozen down to its %s',
    (part) => {
      expect(Object.isFrozen(config[part])).toBe(true);
    },
  );
});
