/** MAX_SESSIONS_PER_USER: the number of sessions of a user, and the cost of reading them. */
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

const activeSql = 'select id from sessions where user_id = $1 and ended_at is null order by id';

async function activeIds(userId: string, at = service): Promise<string[]> {
  const rows = await at.database.query<{ id: string }>(activeSql, [userId]);
  return rows.map(({ id }) => id);
}

async function logIn(email: string, at = service) {
  const login = await tryLogin(at, email);
  if (login.__typename !== 'TokenPair') throw new Error(JSON.stringify(login));
  return login as { accessToken: string; refreshToken: string };
}

test('J11: a login beyond the limit ends the least recently used session at once', async () => {
  const first = await somebody(service);
  const others = [];
  for (let at = 0; at < 4; at += 1) others.push(await logIn(first.email));
  const [second] = others;
  if (!second) throw new Error('no session');
  const refreshed = await refresh(service, first.refreshToken); // the second is then the least recently used
  expect(await activeIds(first.userId)).toHaveLength(5);

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
  const events = service.logLines.filter(
    (line) => line.includes('"event":"sessions-ended"') && line.includes(first.userId),
  );
  expect(events).toHaveLength(1);
});

test('J11: expired and ended sessions and those of other users do not count', async () => {
  const ada = await somebody(service);
  const bob = await somebody(service);
  for (let at = 0; at < 4; at += 1) await logIn(ada.email);
  await service.database.query(
    `update sessions set expires_at = now() - interval '1 second'
     where id in (select id from sessions where user_id = $1 order by id limit 2)`,
    [ada.userId],
  );
  const before = await activeIds(ada.userId);
  for (let at = 0; at < 2; at += 1) await logIn(ada.email);
  expect(await activeIds(ada.userId)).toEqual(expect.arrayContaining(before));
  expect(await isIn(service, bob.accessToken)).toBe(true);
});

test('J11: sixteen parallel logins do not exceed the limit', async () => {
  const { email, userId } = await somebody(service);
  for (let round = 0; round < 3; round += 1) {
    const logins = await Promise.all(Array.from({ length: 16 }, () => tryLogin(service, email)));
    expect(logins.map(({ __typename }) => __typename)).toEqual(Array(16).fill('TokenPair'));
    expect(await activeIds(userId)).toHaveLength(5);
  }
  const [counts] = await service.database.query(
    `select (select count(*)::int from sessions where user_id = $1) as created,
       (select count(*)::int from sessions where end_reason = 'session-limit' and user_id = $1) as ended,
       (select count(*)::int from audit_entries where action = 'login' and actor_id = $1) as logged`,
    [userId],
  );
  expect(counts).toEqual({ created: 49, ended: 44, logged: 49 });
});

test('J11: a login on one replica ends a session that another replica has cached', async () => {
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

describe('J11: with the default limit', () => {
  let withDefaults: TestService;
  beforeAll(async () => {
    withDefaults = await startService({ environment: { RATE_LIMITS: 'off' } });
  });
  afterAll(() => withDefaults.close());

  const fields = 'id current createdAt lastUsedAt expiresAt ipAddress userAgent';

  test('J11: 120 logins leave 100 active sessions, and the list has no more', async () => {
    const { email, userId } = await somebody(withDefaults);
    let last = '';
    for (let at = 0; at < 120; at += 1) last = (await logIn(email, withDefaults)).accessToken;
    expect(await activeIds(userId, withDefaults)).toHaveLength(100);
    const { data } = await withDefaults.graphql(`{ me { sessions { ${fields} } } }`, {}, last);
    expect(data.me.sessions).toHaveLength(100);
    expect(data.me.sessions[0].current).toBe(true);
  });

  test('J11: older sessions beyond the limit are not listed, and the next login ends them', async () => {
    const { email, userId, accessToken } = await somebody(withDefaults);
    await withDefaults.database.query(
      `insert into sessions (id, user_id, refresh_counter, created_at, last_used_at, expires_at, ip_address, user_agent)
       select gen_random_uuid(), $1, 0, now() - n * interval '1 second', now() - n * interval '1 second',
         now() + interval '1 day', '', '' from generate_series(1, 10000) n`,
      [userId],
    );
    const { data } = await withDefaults.graphql(
      `{ me { sessions { ${fields} } } }`,
      {},
      accessToken,
    );
    expect(data.me.sessions).toHaveLength(100);
    await logIn(email, withDefaults);
    expect(await activeIds(userId, withDefaults)).toHaveLength(100);
    const exported = await withDefaults.graphql('{ exportMyData }', {}, accessToken);
    expect(exported.data.exportMyData.sessionCount).toBe(10_002);
    expect(exported.data.exportMyData.sessions).toHaveLength(1000);
    expect(exported.text.length).toBeLessThan(1_000_000);
  });

  test('J11: sessions and exports under many aliases are rejected before they are read', async () => {
    const { accessToken } = await somebody(withDefaults);
    const aliased = (count: number, field: string) =>
      Array.from({ length: count }, (_, at) => `a${at}: ${field}`).join(' ');
    const send = async (query: string) => {
      const { status, errors } = await withDefaults.graphql(query, {}, accessToken);
      return [status, errors?.[0]?.extensions?.code];
    };
    const rejected = [400, 'GRAPHQL_VALIDATION_FAILED'];
    const sessions = `sessions { ${fields} }`;
    expect(await send(`{ me { ${aliased(30, sessions)} } }`)).toEqual(rejected);
    expect(await send(`{ ${aliased(30, `me { ${sessions} }`)} }`)).toEqual(rejected);
    expect(await send(`{ ${aliased(30, 'exportMyData')} }`)).toEqual(rejected);
    expect(await send(`{ ${aliased(2, 'exportMyData')} me { ${sessions} } }`)).toEqual([
      200,
      undefined,
    ]);
  });
});

test('J11: the query cost of sessions depends on the limit', async () => {
  await using large = await startService({ environment: { MAX_SESSIONS_PER_USER: '10000' } });
  const { accessToken } = await somebody(large, { password: goodPassword });
  const send = async (fields: string) =>
    (await large.graphql(`{ me { sessions { ${fields} } } }`, {}, accessToken)).status;
  expect(await send('id current')).toBe(200);
  expect(
    await send('id current createdAt lastUsedAt expiresAt ipAddress userAgent a: id b: id c: id'),
  ).toBe(400);
});
