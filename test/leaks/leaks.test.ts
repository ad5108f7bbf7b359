/**
 * Secrets do not leak. A real process runs a scenario, gets invalid requests and has faults. Afterwards no
 * secret is in its output, its files, its database or the jobs.
 */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type Canaries, createCanaries } from '../support/canaries.ts';
import { startServer } from '../support/command.ts';
import { startOwnServer } from '../support/own-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { until } from '../support/until.ts';
import { createCalls } from './calls.ts';
import { failByGraphql, failByRest, failElsewhere } from './failures.ts';
import { databaseFaults, textOf, tryAll, watchStatements } from './faults.ts';
import { type Mood, startTactlessMailServer } from './leaky-smtp-server.ts';
import { liveByGraphql, liveByRest, login, newAccount } from './scenario.ts';

vi.setConfig({ testTimeout: 120_000 });

/** The most verbose log of PostgreSQL: it contains every value that a statement has in plain text. */
const talkative = {
  log_statement: 'all',
  log_min_messages: 'info',
  log_min_error_statement: 'error',
  log_error_verbosity: 'verbose',
  log_parameter_max_length: '-1',
  log_parameter_max_length_on_error: '-1',
};

/** The secrets of the operator, each a canary. */
function operatorsSecrets(canaries: Canaries) {
  return {
    SECRET_KEY: canaries.make('SECRET_KEY'),
    METRICS_KEY: canaries.make('METRICS_KEY'),
    REVOCATION_FEED_KEY: canaries.make('REVOCATION_FEED_KEY'),
    DEFAULT_ADMIN_PASSWORD: canaries.make('DEFAULT_ADMIN_PASSWORD'),
    EMAIL_HOST_PASSWORD: canaries.make('EMAIL_HOST_PASSWORD'),
  };
}

const adminEmail = 'root@example.com';
const enough = 99_999;
const limits = ['network', 'account-network', 'account', 'code'] as const;

test('no secret is in output, files, tables, jobs, statements or the log of the database', async () => {
  const canaries = createCanaries();
  const secrets = operatorsSecrets(canaries);
  const evidence = makeScratchDirectory('evidence');
  await using resources = new AsyncDisposableStack();
  resources.defer(() => rm(evidence, { recursive: true }));
  const own = resources.use(await startOwnServer(talkative));
  const mail = await startTactlessMailServer(secrets.EMAIL_HOST_PASSWORD, canaries);
  const database = await own.createDatabase();
  canaries.watch('the password of DATABASE_URL', new URL(database.url).password);
  const server = await startServer({
    directory: evidence,
    limitMilliseconds: 110_000,
    environment: {
      ...secrets,
      DATABASE_URL: database.url,
      EMAIL_HOST: '127.0.0.1',
      EMAIL_PORT: String(mail.port),
      EMAIL_USE_TLS: 'False',
      EMAIL_HOST_USER: 'mailer',
      DEFAULT_ADMIN_EMAIL: adminEmail,
      GATEHOUSE_DATA_DIR: own.directory,
      RATE_LIMITS: limits.map((name) => `${name}=${enough}/600`).join(),
      PUBLIC_URL: 'http://auth.test',
      DEBUG: 'True',
      LOG_LEVEL: 'debug',
    },
  });
  const hashes = createCanaries();
  const calls = createCalls(server.address, canaries.make('a cookie'));
  const around = { calls, canaries, mail };
  const keep = (name: string, text: string) => writeFile(join(evidence, name), text);

  const failedJobs = async () =>
    (
      await database.query(
        'select 1 from graphile_worker._private_jobs where last_error is not null',
      )
    ).length;
  const registerWhile = async (mood: Mood) => {
    const before = await failedJobs();
    mail.mood = mood;
    const json = { email: newAddress(), first_name: 'A', last_name: 'B', password: goodPassword };
    await calls.rest('POST', '/register/', { json });
    await until(async () => (await failedJobs()) > before);
    mail.mood = 'kind';
  };

  const stopWatching = watchStatements(database);
  try {
    const admin = await login(around, adminEmail, secrets.DEFAULT_ADMIN_PASSWORD);
    await until(async () => (await failedJobs()) > 0); // the notice to the administrator
    mail.mood = 'kind';
    await Promise.all([liveByRest(around), liveByGraphql(around, admin)]);
    for (const token of [secrets.METRICS_KEY, secrets.REVOCATION_FEED_KEY]) {
      await calls.send('GET', '/metrics', { token });
    }

    const tokenFor = async (name: string) =>
      /logout/i.test(name)
        ? (await login(around, adminEmail, admin.password)).accessToken
        : admin.accessToken;
    const failing = { calls, canaries, tokenFor, email: adminEmail };
    const failed = [
      ...(await failByGraphql(failing)),
      ...(await failByRest(failing)),
      ...(await failElsewhere(failing)),
    ];
    expect(failed.filter(({ status }) => status === 500)).toEqual([]);

    let account = await newAccount(around);
    for (const [fault, remedy] of databaseFaults) {
      // The requests that succeed change the account.
      account = await newAccount(around);
      await database.query(fault);
      const responses = await tryAll(around, account);
      await database.query(remedy);
      expect(responses.map(({ text }) => text).join(), fault).toContain('INTERNAL');
    }
    await registerWhile('temporary');
    await registerWhile('permanent');

    await keep('statements', await stopWatching());
    const tables = await textOf(database);
    await keep('tables', tables);
    for (const [hash] of tables.matchAll(/\$argon2id\$[\w=,$+/]+/g)) hashes.watch('a hash', hash);
    await own.stop();
    const responses = await tryAll(around, account);
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([503]));
  } finally {
    await stopWatching().catch(() => undefined); // it is stopped already, or there is no database
    const { stdout, stderr } = await server.end('SIGTERM');
    await keep('stdout', stdout);
    await keep('stderr', stderr);
    await mail.close();
    await database.drop();
  }
  // Without DATABASE_URL the embedded database stores its password there.
  const itsPlace = `${join(own.directory, 'postgres', 'password')}: the password of DATABASE_URL`;
  expect(canaries.findIn([evidence, own.directory])).toEqual([itsPlace]);
  expect(hashes.findIn(['stdout', 'stderr'].map((name) => join(evidence, name)))).toEqual([]);
  await expectWitnesses(evidence, own.directory);
});

/** Checks that the searched files contain their usual content, so that the search is not vacuous. */
async function expectWitnesses(evidence: string, directory: string): Promise<void> {
  const witnesses = createCanaries();
  witnesses.watch('the administrator', adminEmail);
  witnesses.watch('an internal error', 'unexpected error');
  witnesses.watch('a statement', 'update sessions set');
  const log = join(directory, 'postgres', 'server.log');
  const [output, statements, tables] = ['stdout', 'statements', 'tables'].map((name) =>
    join(evidence, name),
  );
  const found = witnesses.findIn([evidence, log]);
  expect(found).toEqual(
    expect.arrayContaining([
      `${log}: the administrator`,
      `${log}: a statement`,
      `${output}: an internal error`,
      `${statements}: a statement`,
      `${tables}: the administrator`,
    ]),
  );
}

test('a secret is found in every encoding', async () => {
  const canaries = createCanaries();
  const bytes = Buffer.from(canaries.make('it'));
  const directory = makeScratchDirectory('evidence');
  const writings = [
    bytes.toString(),
    bytes.toString('hex'),
    ...['', 'a', 'ab'].map((before) => Buffer.from(`${before}${bytes}`).toString('base64')),
  ];
  for (const [index, text] of writings.entries()) {
    await writeFile(join(directory, `${index}`), `\0${text}\n`);
  }
  expect(canaries.findIn([directory])).toEqual(
    writings.map((_, index) => `${directory}/${index}: it`),
  );
  await rm(directory, { recursive: true });
});
