/** Rate limits of mails: they protect the recipient, and a request without a mail consumes nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Problem, type ProblemCode } from '../../src/core/errors.ts';
import { runWithContext } from '../../src/core/request-context.ts';
import { headersFrom, inTurn, newNetwork, statuses } from '../support/attempts.ts';
import { factsOf } from '../support/mail-server.ts';
import { goodPassword, newAddress, person, register, skipMailCooldown } from '../support/people.ts';
import { quiet, runDelayedMails, startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { TRUST_PROXY: '1' } });
});
afterAll(() => service.close());

const mailsTo = (email: string) => service.mail.mails.filter(({ to }) => to === email);
const ask = (path: string, json: object, method: 'POST' | 'PUT' = 'POST', token?: string) =>
  service.rest(method, path, {
    json,
    headers: headersFrom(newNetwork()),
    ...(token ? { token } : {}),
  });
const used = async (email: string, limit: string) => {
  const { attemptLimits, rateLimiter } = service.app;
  const buckets = await attemptLimits.bucketsOf({ account: `email:${email}` });
  const states = await rateLimiter?.inspect(buckets.filter((bucket) => bucket.limit === limit));
  return states?.[0]?.used ?? 0;
};

const form = { password: goodPassword, password2: goodPassword, first_name: 'A', last_name: 'B' };

test('codes for a new address stop at its limit, and a registration of that address still gets its mail', async () => {
  await using strict = await startService({
    environment: { RATE_LIMITS: 'new-address=2/3600,mail-recipient=2/3600', TRUST_PROXY: '1' },
  });
  const email = newAddress();
  const attacker = await person(strict);
  const mails = () => strict.mail.mails.filter(({ to }) => to === email);
  const responses = await inTurn(4, async () => {
    const response = await strict.rest('PUT', '/profile/update/', {
      json: { email, password: goodPassword },
      token: attacker.accessToken,
      headers: headersFrom(newNetwork()),
    });
    await quiet(strict);
    return response;
  });
  expect(statuses(responses)).toEqual([200, 200, 200, 200]);
  expect(mails()).toHaveLength(2);
  const registered = await strict.rest('POST', '/register/', { json: { ...form, email } });
  expect(registered.status).toBe(201);
  await quiet(strict);
  expect(mails().map(({ text }) => text.includes('/verify-email?'))).toEqual([false, false, true]);
});

test('one account can request five changes of address an hour, over both operations', async () => {
  const attacker = await person(service);
  const change = (index: number) =>
    index % 2 === 0
      ? ask(
          '/profile/update/',
          { email: newAddress(), password: goodPassword },
          'PUT',
          attacker.accessToken,
        ).then(({ body }) => body.data.code)
      : service
          .graphql(
            `mutation ($input: ChangeEmailInput!) { changeEmail(input: $input) { __typename } }`,
            { input: { newEmail: newAddress(), password: goodPassword } },
            attacker.accessToken,
          )
          .then(({ errors }) => errors?.[0]?.extensions?.code);
  expect(await inTurn(7, change)).toEqual([...Array(5).fill(undefined), 'THROTTLED', 'THROTTLED']);
});

test('the mail of a registration beyond the limit of its address is sent when the limit allows it', async () => {
  await using strict = await startService({ environment: { RATE_LIMITS: 'mail-recipient=1/2' } });
  const { email } = await register(strict);
  const mails = () => strict.mail.mails.filter(({ to }) => to === email);
  await skipMailCooldown(strict, email);
  await strict.rest('POST', '/register/', { json: { ...form, email } });
  await quiet(strict);
  expect(mails()).toHaveLength(1);
  await sleep(2100);
  await runDelayedMails(strict);
  expect(mails()).toHaveLength(2);
  expect(factsOf(mails().at(-1), 'Code')).toHaveLength(2);
});

test('an overloaded request consumes nothing', async () => {
  await using strict = await startService({ environment: { RATE_LIMITS: 'mail-network=30/3600' } });
  const { attemptLimits } = strict.app;
  const spend = (code: ProblemCode, count: number) =>
    inTurn(count, () =>
      attemptLimits
        .limitMailRequest(() => Promise.reject(new Problem(code)))
        .catch((problem: Problem) => problem.code),
    );
  const client = { ipAddress: newNetwork(), userAgent: '', locale: 'en', requestId: 'test' };
  await runWithContext({ actor: undefined, client }, async () => {
    expect(new Set(await spend('OVERLOADED', 40))).toEqual(new Set(['OVERLOADED']));
    expect(await spend('VALIDATION_FAILED', 31)).toEqual([
      ...Array(30).fill('VALIDATION_FAILED'),
      'THROTTLED',
    ]);
  });
});

test('an owner gets three notices of registrations, and all responses are the same', async () => {
  const { email } = await person(service);
  const responses = await inTurn(6, () =>
    service.rest('POST', '/register/', {
      json: { ...form, email },
      headers: headersFrom(newNetwork()),
    }),
  );
  expect(new Set(responses.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  await quiet(service);
  const notices = service.mail.mails.filter(
    ({ to, subject }) => to === email && /already/i.test(subject),
  );
  expect(notices).toHaveLength(3);
});

test('an address gets at most three reset mails, and all responses are the same', async () => {
  const { email } = await person(service);
  const before = service.mail.mails.filter(({ to }) => to === email).length;
  const responses = await inTurn(20, () =>
    service.rest('POST', '/password/request_change/', {
      json: { email },
      headers: headersFrom(newNetwork()),
    }),
  );
  expect(new Set(responses.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  await quiet(service);
  // A mail that the next request replaces before it is written is not sent.
  const sent = service.mail.mails.filter(({ to }) => to === email).length - before;
  expect(sent).toBeGreaterThan(0);
  expect(sent).toBeLessThanOrEqual(3);
});

test('J10: 40 resends by strangers send no mail, and the owner can request a reset', async () => {
  const { email } = await person(service);
  const responses = await inTurn(40, () => ask('/register/resend_email_verify/', { email }));
  expect(new Set(statuses(responses))).toEqual(new Set([200]));
  await quiet(service);
  const before = mailsTo(email).length;
  expect(await used(email, 'mail-recipient')).toBe(1); // the registration
  await ask('/password/request_change/', { email });
  await service.mail.waitFor(email, before + 1);
});

test('requests for an unknown address consume nothing of it', async () => {
  const email = newAddress();
  await inTurn(5, () => ask('/password/request_change/', { email }));
  await inTurn(5, () => ask('/register/resend_email_verify/', { email }));
  await quiet(service);
  for (const limit of ['mail-recipient', 'new-address', 'reset', 'notice']) {
    expect(await used(email, limit)).toBe(0);
  }
});

test('a change to a taken address consumes the notices of its owner, and all responses are the same', async () => {
  const owner = await person(service);
  const attacker = await person(service);
  const change = (email: string) =>
    ask('/profile/update/', { email, password: goodPassword }, 'PUT', attacker.accessToken);
  const before = mailsTo(owner.email).length;
  const responses = await inTurn(5, async (index) => {
    const response = await change(index < 4 ? owner.email : newAddress());
    await quiet(service);
    return response;
  });
  expect(new Set(responses.map(({ status, body }) => `${status} ${body.message}`)).size).toBe(1);
  await quiet(service);
  expect(mailsTo(owner.email).slice(before)).toHaveLength(3);
  expect([await used(owner.email, 'notice'), await used(owner.email, 'mail-recipient')]).toEqual([
    3, 1,
  ]);
});
