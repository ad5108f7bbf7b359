/** The refresh chain, and the ends of sessions. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { person, somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const refreshDocument = `mutation ($refreshToken: String!) {
  refreshTokens(refreshToken: $refreshToken) {
    __typename
    ... on TokenPair { accessToken refreshToken accessTokenExpiresAt refreshTokenExpiresAt user { id } }
    ... on Problem { code }
  }
}`;

async function refresh(refreshToken: string, at: TestService = service) {
  const { data } = await at.graphql(refreshDocument, { refreshToken });
  return data.refreshTokens;
}

const invalid = { __typename: 'Problem', code: 'INVALID_TOKEN' };
const isIn = async (accessToken: string, at: TestService = service) =>
  (await at.graphql('{ me { id } }', {}, accessToken)).status === 200;

async function sessionOf(accessToken: string) {
  const { data } = await service.graphql(
    '{ me { sessions { id current createdAt lastUsedAt expiresAt ipAddress userAgent } } }',
    {},
    accessToken,
  );
  return data.me.sessions;
}

test('a refresh token gets new tokens, and they work', async () => {
  const { refreshToken, userId } = await somebody(service);
  const first = await refresh(refreshToken);
  expect(first).toMatchObject({ __typename: 'TokenPair', user: { id: userId } });
  expect(first.refreshToken).not.toBe(refreshToken);
  const second = await refresh(first.refreshToken);
  expect(await isIn(first.accessToken)).toBe(true);
  expect(await isIn(second.accessToken)).toBe(true);
});

test('50 tabs that refresh at once get the very same tokens, and go on', async () => {
  const { refreshToken } = await somebody(service);
  const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(refreshToken)));
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  expect(answers[0].__typename).toBe('TokenPair');
  expect(await refresh(answers[0].refreshToken)).toMatchObject({ __typename: 'TokenPair' });
});

test('the former token works for the grace and not a second longer', async () => {
  await using own = await startService();
  const { refreshToken } = await somebody(own);
  const first = await refresh(refreshToken, own);
  own.advance(29);
  expect(await refresh(refreshToken, own)).toEqual(first);
  own.advance(2);
  expect(await refresh(refreshToken, own)).toMatchObject(invalid);
  expect(await refresh(first.refreshToken, own)).toMatchObject(invalid);
  expect(await isIn(first.accessToken, own)).toBe(false);
});

test('a token used twice ends the session, writes the event and tells the owner', async () => {
  const { email, refreshToken, userId } = await person(service);
  const first = await refresh(refreshToken);
  const second = await refresh(first.refreshToken);
  expect(await refresh(refreshToken)).toMatchObject(invalid);
  expect(await refresh(second.refreshToken)).toMatchObject(invalid);
  expect(await isIn(second.accessToken)).toBe(false);
  const mails = await service.mail.waitFor(email, 2);
  expect(mails.at(-1)?.subject).toBe('Security notice: a session was ended');
  const events = service.logLines.filter(
    (line) => line.includes('"event":"refresh-token-reused"') && line.includes(userId),
  );
  expect(events).toHaveLength(1);
});

test('of 16 parallel uses of an old token one ends the session, and one mail goes out', async () => {
  const { email, refreshToken } = await person(service);
  const first = await refresh(refreshToken);
  await refresh(first.refreshToken);
  const answers = await Promise.all(Array.from({ length: 16 }, () => refresh(refreshToken)));
  expect(answers).toEqual(Array(16).fill(invalid));
  await service.mail.waitFor(email, 2);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(service.mail.mails.filter(({ to }) => to === email)).toHaveLength(2);
});

test('after a restore to an earlier time a newer token is refused without an alarm', async () => {
  const { email, refreshToken, accessToken } = await somebody(service);
  const first = await refresh(refreshToken);
  const second = await refresh(first.refreshToken);
  await service.database.query(
    `update sessions set refresh_counter = 0 where user_id = (select id from users where email = $1)`,
    [email],
  );
  const eventsBefore = reuseEvents();
  const answers = await Promise.all(Array.from({ length: 16 }, () => refresh(second.refreshToken)));
  expect(answers).toEqual(Array(16).fill(invalid));
  expect(await isIn(accessToken)).toBe(true);
  expect(await refresh(refreshToken)).toMatchObject({ __typename: 'TokenPair' });
  expect(reuseEvents()).toBe(eventsBefore);
  expect(service.mail.mails.filter(({ to }) => to === email)).toEqual([]);
});

const reuseEvents = () =>
  service.logLines.filter((line) => line.includes('"event":"refresh-token-reused"')).length;

test('a session ends when it is idle for too long, and at its greatest age in any case', async () => {
  await using own = await startService({
    environment: { REFRESH_TOKEN_TTL: '1000', SESSION_MAX_AGE: '2500' },
  });
  const idle = await somebody(own);
  const busy = await somebody(own);
  let leaf = busy.refreshToken;
  for (const seconds of [900, 900, 600]) {
    own.advance(seconds);
    const answer = await refresh(leaf, own);
    expect(answer.__typename).toBe('TokenPair');
    leaf = answer.refreshToken;
  }
  expect(await refresh(idle.refreshToken, own)).toMatchObject(invalid);
  own.advance(150);
  expect(await refresh(leaf, own)).toMatchObject(invalid);
});

test('access tokens live up to 5 percent shorter, so that they do not all end together', async () => {
  const { email } = await somebody(service);
  const lives = new Set<number>();
  for (let round = 0; round < 12; round += 1) {
    const { accessTokenExpiresAt } = await tryLogin(service, email);
    const seconds = Math.round((Date.parse(accessTokenExpiresAt) - Date.now()) / 1000);
    expect(seconds).toBeGreaterThanOrEqual(283);
    expect(seconds).toBeLessThanOrEqual(301);
    lives.add(seconds);
  }
  expect(lives.size).toBeGreaterThan(3);
});

test('sessions are listed with where they are from, and one can be ended', async () => {
  const { email, accessToken } = await somebody(service);
  const other = await tryLogin(service, email);
  const sessions = await sessionOf(accessToken);
  expect(sessions).toHaveLength(2);
  expect(sessions.map(({ current }: { current: boolean }) => current).sort()).toEqual([
    false,
    true,
  ]);
  expect(sessions[0]).toMatchObject({ ipAddress: '127.0.0.1', userAgent: 'node' });
  const { id } = sessions.find(({ current }: { current: boolean }) => !current);
  const revoke = (token: string, session: string) =>
    service.graphql(
      'mutation ($id: ID!) { revokeSession(id: $id) { __typename ... on Problem { code } } }',
      { id: session },
      token,
    );
  const stranger = await somebody(service);
  for (const [token, session] of [
    [stranger.accessToken, id],
    [accessToken, 'nonsense'],
    [accessToken, '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9'],
  ] as const) {
    const { data } = await revoke(token, session);
    expect(data.revokeSession).toMatchObject({ code: 'NOT_FOUND' });
  }
  const { data } = await revoke(accessToken, id);
  expect(data.revokeSession).toEqual({ __typename: 'Acknowledgement' });
  expect([await isIn(other.accessToken), await isIn(accessToken)]).toEqual([false, true]);
  expect(await refresh(other.refreshToken)).toMatchObject(invalid);
  expect(await sessionOf(accessToken)).toHaveLength(1);
});

test('logging out everywhere ends all sessions of the caller and of nobody else', async () => {
  const stranger = await somebody(service);
  const { email, accessToken } = await somebody(service);
  const other = await tryLogin(service, email);
  const { data } = await service.graphql(
    'mutation { logoutEverywhere { __typename } }',
    {},
    accessToken,
  );
  expect(data.logoutEverywhere).toEqual({ __typename: 'Acknowledgement' });
  const rest = await tryLogin(service, email);
  expect((await service.rest('DELETE', '/logout/', { token: rest.accessToken })).status).toBe(204);
  for (const token of [accessToken, other.accessToken, rest.accessToken]) {
    expect(await isIn(token)).toBe(false);
  }
  expect(await isIn(stranger.accessToken)).toBe(true);
});

test('an account that is disabled and enabled again has none of its sessions back', async () => {
  const { accessToken, refreshToken, userId } = await somebody(service);
  for (const status of ['DISABLED', 'ACTIVE']) {
    await service.database.query('update users set status = $1 where id = $2', [status, userId]);
  }
  expect(await isIn(accessToken)).toBe(false);
  expect(await refresh(refreshToken)).toMatchObject(invalid);
});

test('over REST a refresh answers the two tokens, and 401 to one that is not good', async () => {
  const { refreshToken } = await somebody(service);
  const good = await service.rest('POST', '/token/refresh/', {
    json: { refresh_token: refreshToken },
  });
  expect([good.status, Object.keys(good.body.data)]).toEqual([
    200,
    ['access_token', 'refresh_token'],
  ]);
  expect(good.headers.get('cache-control')).toBe('no-store');
  const bad = await service.rest('POST', '/token/refresh/', {
    json: { refresh_token: 'nonsense' },
  });
  expect([bad.status, bad.body.data.code]).toEqual([401, 'INVALID_TOKEN']);
});

test('dead sessions are removed a month later, live ones never', async () => {
  const own = await startService({
    environment: { REFRESH_TOKEN_TTL: '31536000', SESSION_MAX_AGE: '31536000' },
  });
  const alive = await somebody(own);
  await own.database.query(
    `insert into sessions (id, user_id, created_at, last_used_at, expires_at, ip_address, user_agent)
     select gen_random_uuid(), $1, now() - interval '70 days', now(), now() - interval '31 days', '', ''
     from generate_series(1, 2500)`,
    [alive.userId],
  );
  await own.app.unitOfWork.withEntityManager(async () =>
    own.app.auth.sessions.tasks['purge-sessions']?.({}, { key: '', attempt: 1 }),
  );
  const [row] = await own.database.query<{ left: string }>('select count(*) as left from sessions');
  expect(row?.left).toBe('1');
  await own.close();
});
