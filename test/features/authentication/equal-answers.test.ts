/** Known and unknown addresses get the same response in the same time, also while the mail server hangs. */
import { pbkdf2Sync, randomBytes } from 'node:crypto';
import { hashSync } from '@node-rs/bcrypt';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { relativeTimes } from '../../support/equal-time.ts';
import { foreignPassword } from '../../support/foreign-hashes.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import {
  goodPassword,
  insertAccount,
  newAddress,
  register,
  somebody,
} from '../../support/people.ts';
import { equalityOf, rankSumP } from '../../support/rank-sum.ts';
import { startService, type TestService } from '../../support/service.ts';

// A busy machine needs many rounds.
vi.setConfig({ testTimeout: 60_000 });

const tolerance = 1.1;

/** No rate limits, except the one for mails to an address. */
const environment = {
  RATE_LIMITS: ['network', 'account-network', 'account', 'mail-network']
    .map((name) => `${name}=1000000/3600`)
    .join(),
};

/** Sends requests for a known and for unknown addresses, in turn. */
async function compare(
  send: (email: string) => Promise<{ status: number; text: string }>,
  known: string,
) {
  const responses = new Set<string>();
  const sendFor = async (email: string) => {
    const { status, text } = await send(email);
    responses.add(`${status} ${text}`);
  };
  const { known: ratio = Number.NaN } = await relativeTimes(
    { unknown: () => sendFor(newAddress()), known: () => sendFor(known) },
    tolerance,
  );
  return { responses: [...responses], ratio };
}

describe.each([
  ['up', () => startMailServer()],
  ['hung', () => startMailServer({ onConnect: () => undefined })],
])('with a mail server that is %s', (state, start) => {
  let mail: MailServer;
  let service: TestService;
  let known: string;
  beforeAll(async () => {
    mail = await start();
    service = await startService({ mail, environment, hasCostlyHashes: true });
    known = newAddress();
    // Not by a registration, because its code does not arrive while the mail server hangs.
    await service.app.unitOfWork.withEntityManager(() =>
      service.app.users.provisioning.provision(
        { email: known, password: goodPassword },
        { kind: 'user', isActive: true },
      ),
    );
  });
  afterAll(async () => {
    await service.close();
    await mail.close();
  });

  test.each([
    ['/password/request_change/', {}],
    ['/register/resend_email_verify/', {}],
    ['/register/', { first_name: 'Ada', last_name: 'L', password: goodPassword }],
  ])('POST %s gives both addresses the same response in the same time', async (path, rest) => {
    const send = (email: string) => service.rest('POST', path, { json: { email, ...rest } });
    const { responses, ratio } = await compare(send, known);
    expect([state, responses.length]).toEqual([state, 1]);
    expect(ratio).toBeGreaterThan(1 / tolerance);
    expect(ratio).toBeLessThan(tolerance);
  });
});

test('a login with a wrong password takes the same time for a known and an unknown address', async () => {
  await using service = await startService({ environment, hasCostlyHashes: true });
  const { email } = await somebody(service);
  const json = (address: string) => ({ email: address, password: 'certainly not the password' });
  const send = (address: string) => service.rest('POST', '/login/', { json: json(address) });
  const { responses, ratio } = await compare(send, email);
  expect(responses).toHaveLength(1);
  expect(ratio).toBeGreaterThan(1 / tolerance);
  expect(ratio).toBeLessThan(tolerance);
});

test('while accounts have hashes of other systems, rejected logins of all accounts take the same time', async () => {
  const database = await createTestDatabase();
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => database.drop());
  // Dearer than a current hash, and cheap enough for many samples.
  const salt = randomBytes(16).toString('hex');
  const digest = pbkdf2Sync(foreignPassword, salt, 100_000, 32, 'sha256').toString('base64');
  const pbkdf2 = `pbkdf2_sha256$100000$${salt}$${digest}`;
  const bcrypt = hashSync(foreignPassword, 10);
  const [ofPbkdf2, ofBcrypt, disabled] = [newAddress(), newAddress(), newAddress()];
  await insertForeign(database, { email: ofPbkdf2, hash: pbkdf2, status: 'ACTIVE' });
  await insertForeign(database, { email: ofBcrypt, hash: bcrypt, status: 'ACTIVE' });
  await insertForeign(database, { email: disabled, hash: pbkdf2, status: 'DISABLED' });
  await using service = await startService({
    database,
    environment: { ...environment, LOG_LEVEL: 'silent' },
    hasCostlyHashes: true,
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
  const equality = await equalityOf(
    {
      unknown: () => rejected(newAddress()),
      current: () => rejected(current),
      pbkdf2: () => rejected(ofPbkdf2),
      bcrypt: () => rejected(ofBcrypt),
      disabled: () => rejected(disabled, foreignPassword),
    },
    { samples: 20, runMs: 60_000, leastP: 0.01, tolerance: 0.1 },
  );
  expect(responses.size).toBe(1);
  expect(Object.keys(equality)).toEqual(['current', 'pbkdf2', 'bcrypt', 'disabled']);
  for (const [name, found] of Object.entries(equality)) {
    expect({ name, ...found }).toMatchObject({ isEqual: true });
  }
  const right = () => login(current, goodPassword);
  const rightMs = await medianOf(right);
  expect(rightMs).toBeLessThan((await medianOf(() => rejected(current))) / 2);
}, 240_000);

async function medianOf(request: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 9; round += 1) {
    const start = performance.now();
    await request();
    times.push(performance.now() - start);
  }
  return times.toSorted((a, b) => a - b)[4] ?? Number.NaN;
}

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

describe('J07: a registration reveals nothing about an address', () => {
  const environmentOff = { environment: { ...environment, LOG_LEVEL: 'silent' } };
  const run = { samples: 200, runMs: 40_000, leastP: 0.01, tolerance: 0.1 };
  /** Milliseconds for the setup and three runs. */
  const timeout = 180_000;

  /** Sends requests for a free address and for the others, in random order. */
  async function expectEqual(
    send: (email: string) => Promise<{ status: number; text: string }>,
    others: Readonly<Record<string, string>>,
  ) {
    const responses = new Set<string>();
    const sendFor = async (email: string) => {
      const { status, text } = await send(email);
      responses.add(`${status} ${text}`);
    };
    const requests = Object.entries(others).map(([name, email]) => [name, () => sendFor(email)]);
    const equality = await equalityOf(
      { free: () => sendFor(newAddress()), ...Object.fromEntries(requests) },
      run,
    );
    expect([...responses]).toHaveLength(1);
    expect(Object.keys(equality)).toEqual(Object.keys(others));
    for (const [name, found] of Object.entries(equality)) {
      expect({ name, ...found }).toMatchObject({ isEqual: true });
    }
  }

  test(
    'a login with the password of a registration gets the same response as one with an unknown address',
    async () => {
      await using service = await startService(environmentOff);
      const { email } = await register(service);
      await expectEqual(
        (address) =>
          service.rest('POST', '/login/', { json: { email: address, password: goodPassword } }),
        { pending: email },
      );
    },
    timeout,
  );

  test(
    'a registration takes the same time for a free, a pending, a taken and a disabled address',
    async () => {
      await using service = await startService(environmentOff);
      const [pending, taken, disabled] = [
        await register(service),
        await somebody(service),
        await somebody(service),
      ];
      await service.database.query("update users set status = 'DISABLED' where email = $1", [
        disabled.email,
      ]);
      const rest = { first_name: 'Ada', last_name: 'L', password: goodPassword };
      await expectEqual(
        (email) => service.rest('POST', '/register/', { json: { email, ...rest } }),
        { pending: pending.email, taken: taken.email, disabled: disabled.email },
      );
    },
    timeout,
  );

  test('the comparison detects a difference of 10 percent', () => {
    const around = (middle: number) =>
      Array.from({ length: 200 }, () => middle * (1 + (Math.random() - 0.5) / 5));
    expect(rankSumP(around(10), around(11))).toBeLessThan(0.01);
  });
});
