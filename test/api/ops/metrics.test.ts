/** `/metrics`: its access, and its counters with labels that no caller chooses. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabaseWire } from '../../support/database-wire.ts';
import { startMailServer } from '../../support/mail-server.ts';
import { metricRows } from '../../support/metric-rows.ts';
import { goodPassword, newAddress, person, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

let service: TestService;
beforeAll(async () => {
  const mail = await startMailServer({
    onRcptTo: ({ address }, _session, done) =>
      done(
        address.startsWith('nobody')
          ? Object.assign(new Error('no'), { responseCode: 550 })
          : undefined,
      ),
  });
  service = await startService({ mail });
});
afterAll(async () => {
  await service.close();
  await service.mail.close();
});

const ask = (headers: Record<string, string> = {}, { address } = service) =>
  fetch(`${address}/metrics`, { headers });

/** Values by series in the text format, such as `a_total{b="c"}`. */
async function scrape(): Promise<ReadonlyMap<string, number>> {
  const response = await ask();
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await response.text()).matchAll(/^([a-z].*) (\S+)$/gm);
  return new Map([...lines].map(([, series = '', value]) => [series, Number(value)]));
}

async function growth(work: () => Promise<unknown>): Promise<Record<string, number>> {
  const before = await scrape();
  await work();
  const after = await scrape();
  const grown = [...after].map(([series, value]) => [series, value - (before.get(series) ?? 0)]);
  return Object.fromEntries(grown.filter(([, by]) => Number(by) > 0));
}

const request = (operation: string, outcome: string) =>
  `gatehouse_requests_total{operation="${operation}",outcome="${outcome}"}`;

test('/metrics is local where no key is set, and hidden from requests through a proxy', async () => {
  expect((await ask()).status).toBe(200);
  for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip']) {
    const response = await ask({ [name]: 'for=203.0.113.7' });
    expect([name, response.status]).toEqual([name, 404]);
  }
});

test('/metrics needs METRICS_KEY where it is set, with any Host header', async () => {
  const key = randomBytes(32).toString('base64url');
  await using keyed = await startService({
    environment: { METRICS_KEY: key, ALLOWED_HOSTS: 'auth.test' },
    database: service.database,
    mail: service.mail,
  });
  const statuses = [
    {},
    { authorization: `Bearer ${key}x` },
    { authorization: `Bearer ${key}` },
  ].map(async (headers) => (await ask(headers, keyed)).status);
  expect(await Promise.all(statuses)).toEqual([401, 401, 200]);
});

test('/metrics has every metric of the table, and those of the process', async () => {
  const text = await (await ask()).text();
  for (const { name, kind, help } of metricRows) {
    expect(text).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`);
  }
  expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
  expect(text).toMatch(/^process_resident_memory_bytes \d/m);
});

test('requests are counted by operation and outcome, on every interface', async () => {
  const { email, accessToken } = await person(service);
  const grown = await growth(async () => {
    await tryLogin(service, email, 'not the password');
    // A caller that does not select the error code is counted with it as well.
    await service.graphql('mutation { a: verifyEmail(code: "x") { __typename } }');
    await service.graphql(
      '{ ...f ... { me { id } } } fragment f on Query { me { email } }',
      {},
      accessToken,
    );
    await service.graphql('{ me { id } hasGroup(name: "x") }', {}, accessToken);
    await service.graphql('query secretName { me { id } }');
    await service.graphql('{ madeUp { id } }');
    await service.graphql('{ me { id } }', {}, 'not.a.token');
    await service.rest('POST', '/login/', { json: { email, password: 'wrong' } });
    await service.rest('GET', '/profile/view/', { token: accessToken });
    await service.rest('GET', '/profile/view/');
    await service.rest('GET', '/profile/view/', { token: 'not.a.token' });
    await fetch(`${service.address}/made/up`);
    await fetch(`${service.address}/graphql`, { method: 'PATCH' });
  });
  expect(grown).toMatchObject({
    [request('login', 'INVALID_CREDENTIALS')]: 1,
    [request('verifyEmail', 'INVALID_CODE')]: 1,
    [request('me', 'ok')]: 1,
    [request('several', 'ok')]: 1,
    [request('me', 'UNAUTHENTICATED')]: 2, // without a token, and with an invalid one
    [request('GET /auth/profile/view/', 'UNAUTHENTICATED')]: 2,
    [request('none', 'BAD_REQUEST')]: 2,
    [request('none', 'NOT_FOUND')]: 1,
    [request('POST /auth/login/', 'INVALID_CREDENTIALS')]: 1,
    [request('GET /auth/profile/view/', 'ok')]: 1,
    'gatehouse_request_duration_seconds_count{operation="login"}': 1,
    'gatehouse_password_hash_duration_seconds_count{work="verify"}': 2,
  });
  const text = await (await ask()).text();
  expect(text).not.toMatch(/secretName|madeUp|made\/up|operation="a"/);
});

test('sessions, lookups, jobs and heartbeats are counted', async () => {
  const grown = await growth(async () => {
    const { accessToken } = await person(service);
    await service.graphql('{ me { id } }', {}, accessToken);
    await service.graphql('mutation { logoutEverywhere { __typename } }', {}, accessToken);
    await until(
      async () =>
        (await scrape()).get(
          'gatehouse_job_duration_seconds_count{task="send-mail",outcome="done"}',
        ) !== undefined,
    );
  });
  expect(grown).toMatchObject({
    gatehouse_sessions_started_total: 1,
    'gatehouse_principal_lookups_total{outcome="hit"}': expect.any(Number),
    'gatehouse_principal_lookups_total{outcome="miss"}': expect.any(Number),
    gatehouse_change_propagation_seconds_count: expect.any(Number),
  });
  expect(Object.keys(grown)).toContainEqual(
    expect.stringMatching(/^gatehouse_sessions_ended_total/),
  );
  const now = await scrape();
  expect(now.get('gatehouse_change_feed_heartbeat_age_seconds')).toBeLessThan(5);
  expect(now.get('gatehouse_database_connections{pool="jobs",state="busy"}')).toBeGreaterThan(0);
});

test('requests refused by a rate limit are counted', async () => {
  await using strict = await startService({
    environment: { RATE_LIMITS: 'on' },
    database: service.database,
    mail: service.mail,
  });
  const email = newAddress();
  const wrong = Array.from({ length: 30 }, () => tryLogin(strict, email, 'not the password'));
  await Promise.allSettled(wrong);
  const text = await (await ask({}, strict)).text();
  expect(text).toMatch(/^gatehouse_rate_limited_total\{limit="[a-z-]+"\} [1-9]/m);
  expect(text).toContain(request('login', 'THROTTLED'));
});

test('mails that could not be sent are counted', async () => {
  const email = `nobody-${newAddress()}`;
  await service.graphql(
    'mutation ($input: RegisterInput!) { register(input: $input) { __typename } }',
    { input: { email, password: goodPassword, firstName: 'No', lastName: 'Body' } },
  );
  const dead = async () => (await scrape()).get('gatehouse_mail_queue{state="dead"}');
  await until(async () => (await dead()) === 1);
  expect(await dead()).toBe(1);
});

test('/metrics has no database figures while the database is away, and counts on', async () => {
  await using wire = await openDatabaseWire(service.database.url);
  await using other = await startService({
    database: { ...service.database, url: wire.url },
    mail: service.mail,
  });
  wire.cut();
  await other.graphql('{ __typename }');
  const text = await (await ask({}, other)).text();
  expect(text).toContain('# TYPE gatehouse_mail_queue gauge');
  expect(text).not.toContain('gatehouse_mail_queue{');
  expect(text).toContain(`${request('__typename', 'ok')} 1`);
  await wire.mend(service.database.url);
});
