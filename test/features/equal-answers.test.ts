/** Known and unknown addresses get the same answer in the same time, whatever the mail server does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress, somebody } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

const rounds = 15;
/** A difference that is there is there every time; a busy machine is not. */
const patient = { retry: 3 };

/** Each round asks for a known and for an unknown address, in turn. */
async function compare(
  ask: (email: string) => Promise<{ status: number; text: string }>,
  known: string,
) {
  const times = { known: [] as number[], unknown: [] as number[] };
  const answers = new Set<string>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, email] of [
      ['known', known],
      ['unknown', newAddress()],
    ] as const) {
      const start = performance.now();
      const { status, text } = await ask(email);
      times[name].push(performance.now() - start);
      answers.add(`${status} ${text}`);
    }
  }
  const median = (values: number[]) =>
    values.sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  return { answers: [...answers], ratio: median(times.known) / median(times.unknown) };
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
    service = await startService({ mail });
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
  ])('POST %s answers both alike', patient, async (path, rest) => {
    const ask = (email: string) => service.rest('POST', path, { json: { email, ...rest } });
    const { answers, ratio } = await compare(ask, known);
    expect([state, answers.length]).toEqual([state, 1]);
    expect(ratio).toBeGreaterThan(0.75);
    expect(ratio).toBeLessThan(1.33);
  });
});

test(
  'a login with a wrong password takes the same time for a known and an unknown address',
  patient,
  async () => {
    await using service = await startService();
    const { email } = await somebody(service);
    const json = (address: string) => ({ email: address, password: 'certainly not the password' });
    const ask = (address: string) => service.rest('POST', '/login/', { json: json(address) });
    const { answers, ratio } = await compare(ask, email);
    expect(answers).toHaveLength(1);
    expect(ratio).toBeGreaterThan(0.75);
    expect(ratio).toBeLessThan(1.33);
  },
);
