/** MAX_SESSIONS_PER_USER: how many sessions of one person live, and what reading them costs. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goodPassword, somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn, refresh, sessionIdOf } from '../../support/session-calls.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({
    environment: { RATE_LIMITS: 'off', MAX_SESSIONS_PER_USER: '5' },
  });
});
afterAll(() => service.close());

const liveSql = 'select id from sessions where user_id = $1 and ended_at is null order by id';

async function liveIds(userId: string, at = service): Promise<string[]> {
  const rows = await at.database.query<{ id: string }>(liveSql, [userId]);
  return rows.map(({ id }) => id);
}

async function logIn(email: string, at = service) {
  const login = await tryLogin(at, email);
  if (login.__typename !== 'TokenPair') throw new Error(JSON.stringify(login));
  return login as { accessToken: string; refreshToken: string };
}

test('J11: a login beyond the limit ends the session that was unused longest, at once', async () => {
  const first = await somebody(service);
  const others = [];
  for (let at = 0; at < 4; at += 1) others.push(await logIn(first.email));
  const [second] = others;
  if (!second) throw new Error('no session');
  const refreshed = await refresh(service, first.refreshToken); // used: the second is unused longest
  expect(await liveIds(first.userId)).toHaveLength(5);

  const last = await logIn(first.email);
  expect(await isIn(service, second.accessToken)).toBe(false);
  expect(await refresh(service, second.refreshToken)).toBeUndefined();
  for (const login of [first, ...others.slice(1), last])
    expect(await isIn(service, login.accessToken)).toBe(true);
  expect(refreshed).toBeDefined();

  const [ended] = await service.database.query(
    'select end_reason, ended_at is not null as "isEnded" from sessions where id = $1',
    [sessionIdOf(second.accessToken)],
  );
  expect(ended).toEqual({ end_reason: 'session-limit', isEnded: true });
  const told = service.logLines.filter(
    (line) => line.includes('"event":"sessions-ended"') && line.includes(first.userId),
  );
  expect(told).toHaveLength(1);
});

test('J11: expired and ended sessions take no place, and sessions of others are left alone', async () => {
  const ada = await somebody(service);
  const bob = await somebody(service);
  for (let at = 0; at < 4; at += 1) await logIn(ada.email);
  await service.database.query(
    `update sessions set expires_at = now() - interval '1 second'
     where id in (select id from sessions where user_id = $1 order by id limit 2)`,
    [ada.userId],
  );
  const before = await liveIds(ada.userId);
  for (let at = 0; at < 2; at += 1) await logIn(ada.email);
  expect(await liveIds(ada.userId)).toEqual(expect.arrayContaining(before));
  expect(await isIn(service, bob.accessToken)).toBe(true);
});

test('J11: sixteen logins at once do not get past the limit', async () => {
  const { email, userId } = await somebody(service);
  for (let round = 0; round < 3; round += 1) {
    const logins = await Promise.all(Array.from({ length: 16 }, () => tryLogin(service, email)));
    expect(logins.map(({ __typename }) => __typename)).toEqual(Array(16).fill('TokenPair'));
    expect(await liveIds(userId)).toHaveLength(5);
  }
});

test('J11: a login on one replica ends a session that another one has in memory', async () => {
  await using other = await startService({
    database: service.database,
    mail: service.mail,
    environment: { RATE_LIMITS: 'off', MAX_SESSIONS_PER_USER: '5' },
  });
  const first = await somebody(service);
  expect(await isIn(other, first.accessToken)).toBe(true);
  for (let at = 0; at < 5; at += 1) await logIn(first.email);
  await other.app.changeFeed.waitUntilDelivered();
  expect(await isIn(other, first.accessToken)).toBe(false);
});

describe('J11: with the usual limit', () => {
  let usual: TestService;
  beforeAll(async () => {
    usual = await startService({ environment: { RATE_LIMITS: 'off' } });
  });
  afterAll(() => usual.close());

  const fields = 'id current createdAt lastUsedAt expiresAt ipAddress userAgent';

  test('J11: 300 logins leave 100 live sessions, and the list has no more', async () => {
    const { email, userId } = await somebody(usual);
    let last = '';
    for (let at = 0; at < 300; at += 1) last = (await logIn(email, usual)).accessToken;
    expect(await liveIds(userId, usual)).toHaveLength(100);
    const { data } = await usual.graphql(`{ me { sessions { ${fields} } } }`, {}, last);
    expect(data.me.sessions).toHaveLength(100);
    expect(data.me.sessions[0].current).toBe(true);
  });

  test('J11: what lived beyond the limit before is neither listed nor kept by the next login', async () => {
    const { email, userId, accessToken } = await somebody(usual);
    await usual.database.query(
      `insert into sessions (id, user_id, refresh_counter, created_at, last_used_at, expires_at, ip_address, user_agent)
       select gen_random_uuid(), $1, 0, now() - n * interval '1 second', now() - n * interval '1 second',
         now() + interval '1 day', '', '' from generate_series(1, 10000) n`,
      [userId],
    );
    const { data } = await usual.graphql(`{ me { sessions { ${fields} } } }`, {}, accessToken);
    expect(data.me.sessions).toHaveLength(100);
    await logIn(email, usual);
    expect(await liveIds(userId, usual)).toHaveLength(100);
    const exported = await usual.graphql('{ exportMyData }', {}, accessToken);
    expect(exported.data.exportMyData.sessionCount).toBe(10_002);
    expect(exported.data.exportMyData.sessions).toHaveLength(1000);
    expect(exported.text.length).toBeLessThan(1_000_000);
  });

  test('J11: sessions and exports under many aliases are refused before they are read', async () => {
    const { accessToken } = await somebody(usual);
    const aliased = (count: number, field: string) =>
      Array.from({ length: count }, (_, at) => `a${at}: ${field}`).join(' ');
    const ask = async (query: string) => {
      const { status, errors } = await usual.graphql(query, {}, accessToken);
      return [status, errors?.[0]?.extensions?.code];
    };
    const refused = [400, 'GRAPHQL_VALIDATION_FAILED'];
    const sessions = `sessions { ${fields} }`;
    expect(await ask(`{ me { ${aliased(30, sessions)} } }`)).toEqual(refused);
    expect(await ask(`{ ${aliased(30, `me { ${sessions} }`)} }`)).toEqual(refused);
    expect(await ask(`{ ${aliased(30, 'exportMyData')} }`)).toEqual(refused);
    expect(await ask(`{ ${aliased(2, 'exportMyData')} me { ${sessions} } }`)).toEqual([
      200,
      undefined,
    ]);
  });
});

test('J11: the weight of sessions follows the limit', async () => {
  await using large = await startService({ environment: { MAX_SESSIONS_PER_USER: '10000' } });
  const { accessToken } = await somebody(large, { password: goodPassword });
  const ask = async (fields: string) =>
    (await large.graphql(`{ me { sessions { ${fields} } } }`, {}, accessToken)).status;
  expect(await ask('id current')).toBe(200);
  expect(
    await ask('id current createdAt lastUsedAt expiresAt ipAddress userAgent a: id b: id c: id'),
  ).toBe(400);
});
