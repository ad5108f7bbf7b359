/** Known and unknown addresses get the same response in the same time, also while the mail server hangs. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { hashSync } from '@node-rs/bcrypt';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { elapsedMs, processorMs, shortestMs } from '../../support/durations.ts';
import { compareDurations, expectEqualDurations, type Ways } from '../../support/equal-time.ts';
import { foreignPassword } from '../../support/foreign-hashes.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import {
  goodPassword,
  insertAccount,
  newAddress,
  pendingRegistration,
} from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';
import { startWired, statementsOf, type WiredService } from '../../support/wired-service.ts';

// Requests are slow on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** No rate limits, except the one for mails to an address. */
const environment = {
  LOG_LEVEL: 'silent',
  RATE_LIMITS: ['network', 'account-network', 'account', 'mail-network']
    .map((name) => `${name}=1000000/3600`)
    .join(),
};
/** A hash takes as long as the rest of a request, so that a missing one doubles or halves the duration. */
const hashParameters = { memoryKib: 4096, iterations: 1, parallelism: 1 };

interface Accounts {
  readonly pending: string;
  readonly active: string;
  readonly disabled: string;
  readonly unusable: string;
}

async function createAccounts(service: TestService): Promise<Accounts> {
  const pending = newAddress();
  await pendingRegistration(service, { email: pending });
  const [active, disabled, unusable] = [newAddress(), newAddress(), newAddress()];
  for (const email of [active, disabled, unusable])
    await insertAccount(service, { email, password: goodPassword });
  const { query } = service.database;
  await query("update users set status = 'DISABLED' where email = $1", [disabled]);
  await query(
    `update password_hashes set password_hash = '!'
     where user_id = (select id from users where email = $1)`,
    [unusable],
  );
  return { pending, active, disabled, unusable };
}

/** The request for each kind of account, beginning with a free address. Each response is noted. */
function requestsFor(
  send: (email: string) => Promise<{ status: number; text: string }>,
  accounts: Readonly<Record<string, string>>,
) {
  const responses = new Set<string>();
  const sendFor = async (email: string) => {
    const { status, text } = await send(email);
    responses.add(`${status} ${text}`);
  };
  const others = Object.entries(accounts).map(([name, email]) => [name, () => sendFor(email)]);
  const free = () => sendFor(newAddress());
  const ways: Ways = { free, ...Object.fromEntries(others) };
  return { responses, free, ways };
}

const profile = { first_name: 'Ada', last_name: 'L', password: goodPassword };
/** The requests that can send a mail. */
const mailRequests = [
  ['POST /password/request_change/', '/password/request_change/', {}],
  ['POST /register/resend_email_verify/', '/register/resend_email_verify/', {}],
  ['POST /register/', '/register/', profile],
] as const;
const wrongPassword = { password: 'certainly not the password' };
const requests = [
  ...mailRequests,
  ['POST /login/ with a wrong password', '/login/', wrongPassword],
] as const;

const sender =
  (service: TestService, path: string, rest: Readonly<Record<string, string>>) => (email: string) =>
    service.rest('POST', path, { json: { email, ...rest } });

const hungMailServer = () => startMailServer({ onConnect: () => undefined });

describe('with a mail server that is up', () => {
  let service: TestService;
  let active: string;
  beforeAll(async () => {
    service = await startService({ environment, hashParameters });
    active = newAddress();
    await insertAccount(service, { email: active, password: goodPassword });
  });
  afterAll(() => service.close());

  test.each(mailRequests)(
    '%s gives a known and a free address the same response in the same time',
    async (_, path, rest) => {
      const { responses, ways } = requestsFor(sender(service, path, rest), { active });
      await expectEqualDurations(ways, { tolerance: 0.1, milliseconds: 1500 });
      expect([...responses]).toHaveLength(1);
    },
  );
});

describe('with a mail server that hangs', () => {
  let mail: MailServer;
  let service: TestService;
  let accounts: Accounts;
  beforeAll(async () => {
    mail = await hungMailServer();
    service = await startService({ mail, environment, hashParameters });
    accounts = await createAccounts(service);
  });
  afterAll(async () => {
    await service.close();
    await mail.close();
  });

  test.each(requests)(
    '%s gives all addresses the same response in the same time',
    async (_, path, rest) => {
      const { responses, ways } = requestsFor(sender(service, path, rest), { ...accounts });
      // The processor time decides also on a busy machine.
      for (const measure of [elapsedMs, processorMs])
        await expectEqualDurations(ways, { tolerance: 0.1, milliseconds: 2000, measure });
      expect([...responses]).toHaveLength(1);
    },
  );

  test('a login with the right password of a registration or a disabled account is like one of a free address', async () => {
    const { pending, disabled } = accounts;
    const send = sender(service, '/login/', { password: goodPassword });
    const { responses, ways } = requestsFor(send, { pending, disabled });
    await expectEqualDurations(ways, { tolerance: 0.1, milliseconds: 2500 });
    expect([...responses]).toHaveLength(1);
  });
});

describe('the work of a request', () => {
  let mail: MailServer;
  let wired: WiredService;
  let accounts: Accounts;
  beforeAll(async () => {
    // The four workers of the jobs wait for it, so that the statements are those of requests.
    let connections = 0;
    mail = await startMailServer({
      onConnect: () => {
        connections += 1;
      },
    });
    wired = await startWired(undefined, { mail, environment });
    accounts = await createAccounts(wired.service);
    const register = sender(wired.service, '/register/', profile);
    for (let count = 0; count < 4; count += 1) await register(newAddress());
    await until(() => connections === 4);
  });
  afterAll(async () => {
    await wired[Symbol.asyncDispose]();
    await mail.close();
  });

  /** Password hashes and comparisons so far. */
  const computations = async () => {
    const { values } = await wired.service.app.metrics.hashDurationSeconds.get();
    return values
      .filter(({ metricName }) => metricName?.endsWith('_count'))
      .map(({ labels, value }) => ({ work: labels.work, value }));
  };
  /** The statements and the new numbers of hashes and comparisons. */
  const workOf = async (send: () => Promise<unknown>) => {
    const before = await computations();
    const statements = await statementsOf(send, wired);
    const after = await computations();
    const hashes = after.map(({ work, value }) => ({
      work,
      count: value - (before.find((it) => it.work === work)?.value ?? 0),
    }));
    return { statements, hashes };
  };

  test.each(requests)('%s is the same for all addresses', async (_, path, rest) => {
    const { free, ways } = requestsFor(sender(wired.service, path, rest), { ...accounts });
    // The first entry of an account in the audit log creates a key, once.
    for (const send of Object.values(ways)) await send();
    const expected = await workOf(free);
    expect(expected.statements.length).toBeGreaterThan(0);
    for (const [name, send] of Object.entries(ways))
      expect({ name, ...(await workOf(send)) }).toEqual({ name, ...expected });
  });
});

test('while accounts have hashes of other systems, rejected logins of all accounts take the same time', async () => {
  const database = await createTestDatabase();
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => database.drop());
  // Dearer than a current hash, and cheap enough for many samples.
  const salt = randomBytes(16).toString('hex');
  const digest = pbkdf2Sync(foreignPassword, salt, 20_000, 32, 'sha256').toString('base64');
  const pbkdf2 = `pbkdf2_sha256$20000$${salt}$${digest}`;
  const bcrypt = hashSync(foreignPassword, 8);
  const [ofPbkdf2, ofBcrypt, disabled] = [newAddress(), newAddress(), newAddress()];
  await insertForeign(database, { email: ofPbkdf2, hash: pbkdf2, status: 'ACTIVE' });
  await insertForeign(database, { email: ofBcrypt, hash: bcrypt, status: 'ACTIVE' });
  await insertForeign(database, { email: disabled, hash: pbkdf2, status: 'DISABLED' });
  await using service = await startService({
    database,
    environment,
    hashParameters,
    // A busy machine needs long for bcrypt.
    httpLimits: { answerMilliseconds: 60_000 },
  });
  const current = newAddress();
  await insertAccount(service, { email: current, password: goodPassword });
  const login = (email: string, password: string) =>
    service.rest('POST', '/login/', { json: { email, password } });
  const responses = new Set<string>();
  const rejected = async (email: string, password = 'certainly not the password') => {
    const { status, text } = await login(email, password);
    responses.add(`${status} ${text}`);
  };
  await expectEqualDurations(
    {
      unknown: () => rejected(newAddress()),
      current: () => rejected(current),
      pbkdf2: () => rejected(ofPbkdf2),
      bcrypt: () => rejected(ofBcrypt),
      disabled: () => rejected(disabled, foreignPassword),
    },
    { tolerance: 0.1, milliseconds: 5000 },
  );
  expect(responses.size).toBe(1);
  const rightMs = await shortestMs(() => login(current, goodPassword), 5);
  expect(rightMs).toBeLessThan((await shortestMs(() => rejected(current))) / 2);
}, 60_000);

async function insertForeign(
  { query }: TestDatabase,
  { email, hash, status }: { email: string; hash: string; status: string },
): Promise<void> {
  await query(
    `with owner as (
       insert into users (id, email, first_name, last_name, status, locale, created_at, updated_at)
       values (gen_random_uuid(), $1, 'Ada', 'L', $2, 'en', now(), now()) returning id
     ) insert into password_hashes select id, $3, now() from owner`,
    [email, status, hash],
  );
}

test.each([
  ['10 percent more work', 1.1, 'different'],
  ['10 percent less work', 0.9, 'different'],
  ['twice the work on a busy machine', 2, 'different'],
  ['the same work', 1, 'equal'],
])('the comparison of %s', async (name, factor, verdict) => {
  // Other load only lengthens a duration, often by more than the duration itself.
  const load = name.includes('busy') ? 2 : 0.2;
  const way = (typicalMs: number) => async () =>
    typicalMs * (1 + load * Math.max(Math.random() - 0.2, 0));
  const ways = { first: way(5), other: way(5 * factor) };
  const measure = async (work: () => Promise<unknown>) => Number(await work());
  const { other } = await compareDurations(ways, { tolerance: 0.1, measure });
  expect(other).toMatchObject({ verdict });
});
