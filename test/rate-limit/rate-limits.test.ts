/** Rate limits over the API: the refused attempts, and their responses. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTurn, many, newNetwork, statuses, wrong } from '../support/attempts.ts';
import type { RestAnswer } from '../support/client.ts';
import { factOf } from '../support/mail-server.ts';
import { goodPassword, newAddress, pendingAccount, person, register } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { TRUST_PROXY: '1' } });
});
afterAll(() => service.close());

interface From {
  readonly from?: string;
  readonly at?: TestService;
  readonly headers?: Readonly<Record<string, string>>;
}

const headersOf = ({ from, headers }: From) => ({
  ...(from === undefined ? {} : { 'x-forwarded-for': from }),
  ...headers,
});

const login = (email: unknown, password: string, options: From = {}): Promise<RestAnswer> =>
  (options.at ?? service).rest('POST', '/login/', {
    json: { email, password },
    headers: headersOf(options),
  });

async function exhaustLimit(email: string, from: string, at = service): Promise<void> {
  const responses = await inTurn(10, () => login(email, wrong, { from, at }));
  expect(statuses(responses)).toEqual(Array(10).fill(401));
}

describe('guessing a password', () => {
  test('ten wrong passwords block the network, also for the right one; another network can log in', async () => {
    const { email } = await person(service);
    const [attacker, owner] = [newNetwork(), newNetwork()];
    await exhaustLimit(email, attacker);
    const refused = await login(email, goodPassword, { from: attacker });
    expect(refused.status).toBe(429);
    expect(refused.body.data).toEqual({ code: 'THROTTLED', fields: [] });
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect((await login(email, goodPassword, { from: owner })).status).toBe(200);
    expect((await login(email, goodPassword, { from: attacker })).status).toBe(429);
  });

  test('a right password consumes nothing', async () => {
    const { email } = await person(service);
    const from = newNetwork();
    const responses = await inTurn(14, () => login(email, goodPassword, { from }));
    expect(statuses(responses)).toEqual(Array(14).fill(200));
    const pending = await pendingAccount(service);
    const pendingLogins = await inTurn(12, () => login(pending.email, goodPassword, { from }));
    expect(pendingLogins.map(({ body }) => body.data.code)).toEqual(
      Array(12).fill('ACCOUNT_NOT_ACTIVE'),
    );
  });

  test('at most ten of 200 parallel logins are tried, and only these compute a hash', async () => {
    const { email } = await person(service);
    const from = newNetwork();
    const right = Math.floor(Math.random() * 200);
    const verified = async () => {
      const text = await (await fetch(`${service.address}/metrics`)).text();
      return Number(/password_hash_duration_seconds_count\{work="verify"\} (\d+)/.exec(text)?.[1]);
    };
    const before = await verified();
    const responses = await many(200, (index) =>
      login(email, index === right ? goodPassword : wrong, { from }),
    );
    const count = (status: number) => responses.filter((each) => each.status === status).length;
    expect(count(401)).toBeLessThanOrEqual(10);
    expect((await verified()) - before).toBe(count(200) + count(401));
    // On a slow machine so many parallel passwords exceed the queue of the hasher.
    expect(count(200) + count(401) + count(429) + count(503)).toBe(200);
    expect(count(429) + count(503)).toBeGreaterThanOrEqual(189);
    expect((await login(email, goodPassword, { from })).status).toBe(count(401) === 10 ? 429 : 200);
  });

  test('20 parallel logins with the right password all succeed, through one replica or two', async () => {
    const { email } = await person(service);
    const from = newNetwork();
    const alone = await many(20, () => login(email, goodPassword, { from }));
    expect(statuses(alone)).toEqual(Array(20).fill(200));
    await using other = await startService({
      environment: { TRUST_PROXY: '1' },
      database: service.database,
      mail: service.mail,
    });
    const both = await many(20, (index) =>
      login(email, goodPassword, { from, at: index % 2 === 0 ? service : other }),
    );
    expect(statuses(both)).toEqual(Array(20).fill(200));
  });

  test('16 parallel logins with the right password succeed when one attempt is left', async () => {
    const { email } = await person(service);
    const from = newNetwork();
    await inTurn(9, () => login(email, wrong, { from }));
    const responses = await many(16, () => login(email, goodPassword, { from }));
    expect(statuses(responses)).toEqual(Array(16).fill(200));
    expect((await login(email, wrong, { from })).status).toBe(401);
    expect((await login(email, goodPassword, { from })).status).toBe(429);
  });

  test('buckets survive a restart, and replicas share them', async () => {
    const { email } = await person(service);
    const from = newNetwork();
    const options = {
      environment: { TRUST_PROXY: '1' },
      database: service.database,
      mail: service.mail,
    };
    const first = await startService(options);
    await inTurn(5, () => login(email, wrong, { from, at: first }));
    await first.close();
    await using second = await startService(options);
    await inTurn(5, () => login(email, wrong, { from, at: second }));
    for (const at of [service, second]) {
      expect((await login(email, goodPassword, { from, at })).status).toBe(429);
    }
  });

  test('every interface and every operation with a password consumes the limit', async () => {
    const { email, accessToken: token } = await person(service);
    const headers = headersOf({ from: newNetwork() });
    const graphql = async (query: string) => {
      const response = await fetch(`${service.address}/graphql`, {
        method: 'POST',
        headers: {
          ...headers,
          'content-type': 'application/json',
          authorization: `Bearer ${token}`,
        },
        body: JSON.stringify({ query }),
      });
      return { text: await response.text() };
    };
    const problem = '{ ... on Problem { code } }';
    const attempts = [
      () => service.rest('POST', '/login/', { headers, json: { email, password: wrong } }),
      () =>
        service.rest('DELETE', '/profile/delete/', {
          token,
          headers,
          json: { email, password: wrong },
        }),
      () =>
        service.rest('DELETE', '/profile/delete/', {
          token,
          headers,
          json: { email: newAddress(), password: goodPassword },
        }),
      () =>
        service.rest('PUT', '/profile/update/', {
          token,
          headers,
          json: { email: newAddress(), password: wrong },
        }),
      () =>
        graphql(
          `mutation { login(input: { email: "${email}", password: "${wrong}" }) ${problem} }`,
        ),
      () =>
        graphql(
          `mutation { changePassword(input: { currentPassword: "${wrong}", newPassword: "a new ${goodPassword}" }) ${problem} }`,
        ),
      () =>
        graphql(
          `mutation { changeEmail(input: { newEmail: "${newAddress()}", password: "${wrong}" }) ${problem} }`,
        ),
      () =>
        graphql(
          `mutation { deactivateAccount(input: { email: "${email}", password: "${wrong}" }) ${problem} }`,
        ),
      () => graphql(`mutation { eraseAccount(password: "${wrong}") ${problem} }`),
      () =>
        service.rest('POST', '/login/', {
          headers,
          json: { email: email.toUpperCase(), password: wrong },
        }),
    ];
    for (const attempt of attempts) expect((await attempt()).text).toContain('INVALID_CREDENTIALS');
    for (const attempt of attempts) expect((await attempt()).text).toContain('THROTTLED');
    const { text } = await graphql('{ isPasswordResetValid(uid: "x", token: "y") }');
    expect(JSON.parse(text).data).toEqual({ isPasswordResetValid: false }); // codes have limits of their own
  });

  test('all spellings of an address share one bucket', async () => {
    const { email } = await person(service);
    const from = newNetwork();
    const variants = [
      email,
      email.toUpperCase(),
      ` ${email}`,
      `${email} `,
      email.replace('e', 'E'),
    ];
    await inTurn(10, (index) => login(variants[index % variants.length], wrong, { from }));
    expect((await login(email, goodPassword, { from })).status).toBe(429);
  });

  test('other fields of the body make no other bucket', async () => {
    const email = newAddress();
    const from = newNetwork();
    const attempt = () =>
      service.rest('POST', '/login/', {
        json: { email, password: wrong, deviceId: randomBytes(4).toString('hex'), captcha: 'x' },
        headers: headersOf({ from }),
      });
    const responses = await inTurn(11, attempt);
    expect(responses.at(-1)?.status).not.toBe(401);
  });

  test('a locked account and an unknown address with as many attempts get the same response', async () => {
    const { email } = await person(service);
    const [one, other] = [newNetwork(), newNetwork()];
    await exhaustLimit(email, one);
    await exhaustLimit(newAddress(), other);
    const known = await login(email, goodPassword, { from: one });
    const unknown = await login(newAddress(), goodPassword, { from: other });
    expect(unknown.status).toBe(401); // another unknown address is not locked
    const locked = newAddress();
    await exhaustLimit(locked, newNetwork());
    await exhaustLimit(locked, other);
    const response = await login(locked, goodPassword, { from: other });
    expect(response.text).toBe(known.text);
    const comparable = ({ headers }: RestAnswer) =>
      [...headers].filter(([name]) => !['date', 'x-request-id', 'retry-after'].includes(name));
    expect(comparable(response)).toEqual(comparable(known));
  });

  test('a reset lets the owner log in at once', async () => {
    const { email } = await person(service);
    const from = newNetwork();
    await exhaustLimit(email, from);
    const headers = headersOf({ from });
    await service.rest('POST', '/password/request_change/', { json: { email }, headers });
    const mail = (await service.mail.waitFor(email, 2)).at(-1);
    const password = `${goodPassword} again`;
    const reset = await service.rest('PUT', '/password/reset/', {
      json: {
        uidb64: factOf(mail, 'Uid'),
        token: factOf(mail, 'Token'),
        password,
        password2: password,
      },
      headers,
    });
    expect(reset.status).toBe(200);
    expect((await login(email, password, { from })).status).toBe(200);
  });
});

describe('networks', () => {
  const unknownFrom = (from: string, at = service) => login(newAddress(), wrong, { from, at });

  test('a network with too many failures is blocked for every account, and creates no more buckets', async () => {
    await using strict = await startService({
      environment: { TRUST_PROXY: '1', RATE_LIMITS: 'network=30/600' },
    });
    const from = newNetwork();
    const responses = await many(50, () => unknownFrom(from, strict));
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(30);
    const count = () =>
      strict.database.query<{ number: string }>(
        'select count(*) as number from rate_limit_buckets',
      );
    const before = await count();
    await many(20, () => unknownFrom(from, strict));
    expect(await count()).toEqual(before);
    expect((await unknownFrom(newNetwork(), strict)).status).toBe(401);
  });

  test.each([
    ['an IPv6 /64', (index: number) => `2001:db8:aa:bb:${index + 1}::${index + 1}`],
    [
      'an IPv4 address in its IPv6 forms',
      (index: number) => ['::ffff:203.0.113.9', '203.0.113.9', '::FFFF:cb00:7109'][index % 3] ?? '',
    ],
  ])('%s is one network', async (_, address) => {
    const email = newAddress();
    const responses = await inTurn(11, (index) => login(email, wrong, { from: address(index) }));
    expect(statuses(responses)).toEqual([...Array(10).fill(401), 429]);
  });

  test('only trusted proxies determine the network of a request', async () => {
    const email = newAddress();
    const from = newNetwork();
    const responses = await inTurn(11, (index) =>
      login(email, wrong, {
        headers: {
          'x-forwarded-for': `203.0.113.${index}, ${from}`,
          'x-real-ip': `203.0.113.${index}`,
          forwarded: `for=203.0.113.${index}`,
        },
      }),
    );
    expect(statuses(responses)).toEqual([...Array(10).fill(401), 429]);
    await using direct = await startService({ database: service.database, mail: service.mail });
    const untrusted = await inTurn(11, () =>
      login(email, wrong, { from: newNetwork(), at: direct }),
    );
    expect(untrusted.at(-1)?.status).toBe(429);
  });
});

describe('codes and tokens', () => {
  const from = newNetwork();
  const headers = headersOf({ from });

  test('200 unknown codes and tokens block codes from the network; a refresh token and other networks still work', async () => {
    const { email, code } = await register(service);
    const { refreshToken } = await person(service);
    const verify = (given: string, at = headers) =>
      service.rest('GET', `/register/verify?code=${given}`, { headers: at });
    const guess = () => randomBytes(16).toString('base64url');
    const responses = await many(
      200,
      (index) =>
        [
          () => verify(guess()),
          () => service.rest('GET', `/password/verify/${guess()}/${guess()}/`, { headers }),
          () =>
            service.rest('POST', '/token/refresh/', { headers, json: { refresh_token: guess() } }),
          () =>
            service.rest('PUT', '/password/reset/', {
              headers,
              json: {
                uidb64: guess(),
                token: guess(),
                password: goodPassword,
                password2: goodPassword,
              },
            }),
        ][index % 4]?.() ?? verify(guess()),
    );
    expect(new Set(statuses(responses))).toEqual(new Set([400, 401]));
    expect((await verify(code)).status).toBe(429);
    const refreshed = await service.rest('POST', '/token/refresh/', {
      headers,
      json: { refresh_token: refreshToken },
    });
    expect(refreshed.status).toBe(200);
    expect((await verify(code, headersOf({ from: newNetwork() }))).status).toBe(200);
    expect((await login(email, goodPassword)).status).toBe(200);
  });

  test('opening the page of a link counts as a check by GraphQL or REST', async () => {
    const { code } = await register(service);
    const others = headersOf({ from: newNetwork() });
    const guess = () => randomBytes(16).toString('base64url');
    const get = async (path: string) =>
      (await fetch(`${service.address}${path}`, { headers: { ...others, accept: 'text/html' } }))
        .status;
    const opens = [
      () => get(`/verify-email?code=${guess()}`),
      () => get(`/confirm-email-change?code=${guess()}`),
      () => get(`/cancel-email-change?code=${guess()}`),
      () => get(`/reset-password?uid=${guess()}&token=${guess()}`),
      () => get(`/auth/register/verify?code=${guess()}`),
    ];
    const responses = await many(200, (index) => opens[index % opens.length]?.() ?? get('/'));
    expect(new Set(responses)).toEqual(new Set([400]));
    for (const openPage of [...opens, () => get(`/verify-email?code=${code}`)]) {
      expect(await openPage()).toBe(429);
    }
    const { status } = await service.rest('GET', '/password/verify/x/y/', { headers: others });
    expect(status).toBe(429);
  });

  test('a used code does not count as a guess, however often it is sent', async () => {
    await using strict = await startService({ environment: { RATE_LIMITS: 'code=10/600' } });
    const { code } = await register(strict);
    const verify = () => strict.rest('GET', `/register/verify?code=${code}`);
    const responses = await many(40, verify);
    expect(statuses(responses).sort()).toEqual([200, ...Array(39).fill(400)]);
    const guess = () =>
      strict.rest('GET', `/register/verify?code=${randomBytes(16).toString('base64url')}`);
    expect(statuses(await many(20, guess)).sort()).toEqual([
      ...Array(10).fill(400),
      ...Array(10).fill(429),
    ]);
    expect((await verify()).status).toBe(429);
  });
});

describe('with configured limits', () => {
  test('Retry-After is exact to the second', async () => {
    await using small = await startService({
      environment: { RATE_LIMITS: 'account-network=2/3,mail-network=2/3600' },
    });
    const { email } = await person(small);
    await inTurn(2, () => login(email, wrong, { at: small }));
    const refused = await login(email, goodPassword, { at: small });
    const refusedAt = Date.now();
    const seconds = Number(refused.headers.get('retry-after'));
    expect(refused.status).toBe(429);
    expect([2, 3]).toContain(seconds);
    await sleep(refusedAt + (seconds - 1) * 1000 - Date.now());
    expect((await login(email, goodPassword, { at: small })).status).toBe(429);
    await sleep(refusedAt + seconds * 1000 - Date.now());
    expect((await login(email, goodPassword, { at: small })).status).toBe(200);

    const ask = () =>
      small.rest('POST', '/password/request_change/', { json: { email: newAddress() } });
    expect(statuses(await inTurn(2, ask))).toEqual([200, 429]); // the registration consumed one too
  });

  test('with the value off nothing is counted', async () => {
    await using open = await startService({ environment: { RATE_LIMITS: 'off' } });
    const responses = await inTurn(15, () => login('nobody@example.com', wrong, { at: open }));
    expect(statuses(responses)).toEqual(Array(15).fill(401));
  });
});

test('buckets are small, contain no names, and are removed after their window', async () => {
  const { query } = service.database;
  const [{ text } = { text: '' }] = await query<{ text: string }>(
    `select string_agg(key, ' ') as text from rate_limit_buckets`,
  );
  expect(text).toMatch(/account-network:[\w-]{22}:198\.51\./);
  expect(text).not.toContain('@');
  await query(`insert into rate_limit_buckets
    select 'account:' || md5(n::text), 1, '2020-01-01' from generate_series(1, 100000) n`);
  await service.app.rateLimiter?.prune();
  const rows = await query("select key from rate_limit_buckets where ends_at < '2021-01-01'");
  expect(rows).toEqual([]);
  expect(service.app.jobs.schedule).toMatch(/^\*\/5 .* prune-rate-limits$/m);
});
