/** Known and unknown addresses get the same answer in the same time, whatever the mail server does. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { relativeTimes } from '../../support/equal-time.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { goodPassword, newAddress, register, somebody } from '../../support/people.ts';
import { equalityOf, rankSumP } from '../../support/rank-sum.ts';
import { startService, type TestService } from '../../support/service.ts';

// Many rounds where the machine is busy.
vi.setConfig({ testTimeout: 60_000 });

const tolerance = 1.1;

/** The same addresses are asked for far more often than anybody may; what limits the mails to one stays. */
const environment = {
  RATE_LIMITS: ['network', 'account-network', 'account', 'mail-network']
    .map((name) => `${name}=1000000/3600`)
    .join(),
};

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
  const run = { samples: 200, runMs: 40_000, leastP: 0.01, tolerance: 0.1 };
  /** Three runs, and what goes before. */
  const timeout = 180_000;

  /** Asks for a free address and for the others, in random order. */
  async function expectEqual(
    ask: (email: string) => Promise<{ status: number; text: string }>,
    others: Readonly<Record<string, string>>,
  ) {
    const answers = new Set<string>();
    const askFor = async (email: string) => {
      const { status, text } = await ask(email);
      answers.add(`${status} ${text}`);
    };
    const ways = Object.entries(others).map(([name, email]) => [name, () => askFor(email)]);
    const equality = await equalityOf(
      { free: () => askFor(newAddress()), ...Object.fromEntries(ways) },
      run,
    );
    expect([...answers]).toHaveLength(1);
    expect(Object.keys(equality)).toEqual(Object.keys(others));
    for (const [name, found] of Object.entries(equality)) {
      expect({ name, ...found }).toMatchObject({ isEqual: true });
    }
  }

  test(
    'a login with the password of a registration is answered like one for an unknown address',
    async () => {
      await using service = await startService(environmentOff);
      const { email } = await register(service);
      await expectEqual(
        (address) =>
          service.rest('POST', '/login/', { json: { email: address, password: goodPassword } }),
        { waiting: email },
      );
    },
    timeout,
  );

  test(
    'a registration takes the same time for a free, a waiting, a taken and a closed address',
    async () => {
      await using service = await startService(environmentOff);
      const [waiting, taken, closed] = [
        await register(service),
        await somebody(service),
        await somebody(service),
      ];
      await service.database.query("update users set status = 'DISABLED' where email = $1", [
        closed.email,
      ]);
      const rest = { first_name: 'Ada', last_name: 'L', password: goodPassword };
      await expectEqual(
        (email) => service.rest('POST', '/register/', { json: { email, ...rest } }),
        { waiting: waiting.email, taken: taken.email, closed: closed.email },
      );
    },
    timeout,
  );

  test('the comparison finds a difference of a tenth', () => {
    const around = (middle: number) =>
      Array.from({ length: 200 }, () => middle * (1 + (Math.random() - 0.5) / 5));
    expect(rankSumP(around(10), around(11))).toBeLessThan(0.01);
  });
});
