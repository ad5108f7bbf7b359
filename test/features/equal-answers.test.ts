/** Known and unknown addresses get the same answer in the same time, whatever the mail server does. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { relativeTimes } from '../support/equal-time.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress, register, somebody } from '../support/people.ts';
import { equalityOf, rankSumP } from '../support/rank-sum.ts';
import { startService, type TestService } from '../support/service.ts';

// Many rounds where the machine is busy.
vi.setConfig({ testTimeout: 60_000 });

const tolerance = 1.1;

/** The same addresses are asked for far more often than anybody may. */
const environment = { RATE_LIMITS: 'off' };

/** Asks for a known and for unknown addresses, in turn. */
async function compare(
  ask: (email: string) => Promise<{ status: number; text: string }>,
  known: string,
) {
  const answers = new Set<string>();
  const askFor = async (email: string) => {
    const { status, text } = await ask(email);
    answers.add(`${status} ${text}`);
  };
  const { known: ratio = Number.NaN } = await relativeTimes(
    { unknown: () => askFor(newAddress()), known: () => askFor(known) },
    tolerance,
  );
  return { answers: [...answers], ratio };
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
    // By hand, as no code arrives from a server that does not take it.
    await service.house.unitOfWork.inContext(() =>
      service.house.provisioning.provision(
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
  ])('POST %s answers both alike', async (path, rest) => {
    const ask = (email: string) => service.rest('POST', path, { json: { email, ...rest } });
    const { answers, ratio } = await compare(ask, known);
    expect([state, answers.length]).toEqual([state, 1]);
    expect(ratio).toBeGreaterThan(1 / tolerance);
    expect(ratio).toBeLessThan(tolerance);
  });
});

test('a login with a wrong password takes the same time for a known and an unknown address', async () => {
  await using service = await startService({ environment, hasCostlyHashes: true });
  const { email } = await somebody(service);
  const json = (address: string) => ({ email: address, password: 'certainly not the password' });
  const ask = (address: string) => service.rest('POST', '/login/', { json: json(address) });
  const { answers, ratio } = await compare(ask, email);
  expect(answers).toHaveLength(1);
  expect(ratio).toBeGreaterThan(1 / tolerance);
  expect(ratio).toBeLessThan(tolerance);
});

describe('J07: registering tells nothing of an address', () => {
  const environmentOff = { environment: { ...environment, LOG_LEVEL: 'silent' } };
  const run = { samples: 200, level: 0.01 };

  test('a login with the password of a registration is answered like one for an unknown address', async () => {
    await using service = await startService(environmentOff);
    const { email } = await register(service);
    const answers = new Set<string>();
    const ask = async (address: string) => {
      const json = { email: address, password: goodPassword };
      const { status, text } = await service.rest('POST', '/login/', { json });
      answers.add(`${status} ${text}`);
    };
    const p = await equalityOf(
      { unknown: () => ask(newAddress()), waiting: () => ask(email) },
      run,
    );
    expect(answers.size).toBe(1);
    expect(p.waiting).toBeGreaterThan(0.01);
  }, 120_000);

  test('a registration takes the same time for a free and for a taken address', async () => {
    await using service = await startService(environmentOff);
    const { email } = await somebody(service);
    const answers = new Set<string>();
    const ask = async (address: string) => {
      const json = { email: address, password: goodPassword, first_name: 'Ada', last_name: 'L' };
      const { status, text } = await service.rest('POST', '/register/', { json });
      answers.add(`${status} ${text}`);
    };
    const p = await equalityOf({ free: () => ask(newAddress()), taken: () => ask(email) }, run);
    expect(answers.size).toBe(1);
    expect(p.taken).toBeGreaterThan(0.01);
  }, 240_000);

  test('the comparison finds a difference of a tenth', () => {
    const around = (middle: number) =>
      Array.from({ length: 200 }, () => middle * (1 + (Math.random() - 0.5) / 5));
    expect(rankSumP(around(10), around(11))).toBeLessThan(0.01);
  });
});
