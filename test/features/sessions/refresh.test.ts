/** Refresh chains, and the end of sessions. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { partsOf } from '../../support/forge.ts';
import { person, somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { sessionIdOf, unsigned } from '../../support/session-calls.ts';

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

test('a refresh returns new valid tokens', async () => {
  const { refreshToken, userId } = await somebody(service);
  const first = await refresh(refreshToken);
  expect(first).toMatchObject({ __typename: 'TokenPair', user: { id: userId } });
  expect(first.refreshToken).not.toBe(refreshToken);
  const second = await refresh(first.refreshToken);
  expect(await isIn(first.accessToken)).toBe(true);
  expect(await isIn(second.accessToken)).toBe(true);
});

test('50 parallel refreshes of one token return the same refresh token and access tokens with the same claims', async () => {
  const { refreshToken } = await somebody(service);
  const responses = await Promise.all(Array.from({ length: 50 }, () => refresh(refreshToken)));
  const different = new Set(responses.map((tokens) => JSON.stringify(unsigned(tokens))));
  expect(different.size).toBe(1);
  expect(responses[0].__typename).toBe('TokenPair');
  for (const { accessToken } of responses) expect(await isIn(accessToken)).toBe(true);
  expect(await refresh(responses[0].refreshToken)).toMatchObject({ __typename: 'TokenPair' });
});

test('the former token is valid during the grace period only', async () => {
  await using own = await startService();
  const { refreshToken } = await somebody(own);
  const first = await refresh(refreshToken, own);
  own.advance(29);
  expect(unsigned(await refresh(refreshToken, own))).toEqual(unsigned(first));
  own.advance(2);
  expect(await refresh(refreshToken, own)).toMatchObject(invalid);
  expect(await refresh(first.refreshToken, own)).toMatchObject(invalid);
  expect(await isIn(first.accessToken, own)).toBe(false);
});

test.each(['EdDSA', 'RS256'])(
  'with %s parallel refreshes return the same access token',
  async (algorithm) => {
    await using own = await startService({ environment: { ACCESS_TOKEN_ALGORITHM: algorithm } });
    const { refreshToken } = await somebody(own);
    const responses = await Promise.all(
      Array.from({ length: 16 }, () => refresh(refreshToken, own)),
    );
    expect(new Set(responses.map((tokens) => JSON.stringify(tokens))).size).toBe(1);
    expect(partsOf(responses[0].accessToken).header.alg).toBe(algorithm);
  },
);

test('the reuse of a token ends the session, logs the event and sends a mail to the owner', async () => {
  const { email, refreshToken, userId } = await person(service);
  const first = await refresh(refreshToken);
  const second = await refresh(first.refreshToken);
  expect(await refresh(refreshToken)).toMatchObject(invalid);
  expect(await refresh(second.refreshToken)).toMatchObject(invalid);
  expect(await isIn(second.accessToken)).toBe(false);
  const mails = await service.mail.waitFor(email, 2);
  expect(mails.at(-1)?.subject).toBe(
    'Security notice: a session of your Gatehouse account was ended',
  );
  const events = service.logLines.filter(
    (line) => line.includes('"event":"refresh-token-reused"') && line.includes(userId),
  );
  expect(events).toHaveLength(1);
});

test('of 16 parallel uses of an old token one ends the session, and one mail is sent', async () => {
  const { email, refreshToken } = await person(service);
  const first = await refresh(refreshToken);
  await refresh(first.refreshToken);
  const responses = await Promise.all(Array.from({ length: 16 }, () => refresh(refreshToken)));
  expect(responses).toEqual(Array(16).fill(invalid));
  await service.mail.waitFor(email, 2);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(service.mail.mails.filter(({ to }) => to === email)).toHaveLength(2);
});

test('after a restore of an older backup a newer token is rejected without a security notice', async () => {
  const { email, refreshToken, accessToken } = await somebody(service);
  const first = await refresh(refreshToken);
  const second = await refresh(first.refreshToken);
  await service.database.query(
    `update sessions set refresh_counter = 0 where user_id = (select id from users where email = $1)`,
    [email],
  );
  const eventsBefore = reuseEvents();
  const responses = await Promise.all(
    Array.from({ length: 16 }, () => refresh(second.refreshToken)),
  );
  expect(responses).toEqual(Array(16).fill(invalid));
  expect(await isIn(accessToken)).toBe(true);
  expect(await refresh(refreshToken)).toMatchObject({ __typename: 'TokenPair' });
  expect(reuseEvents()).toBe(eventsBefore);
  expect(service.mail.mails.filter(({ to }) => to === email)).toEqual([]);
});

const reuseEvents = () =>
  service.logLines.filter((line) => line.includes('"event":"refresh-token-reused"')).length;

test('a session ends after the idle timeout and at its maximum age', async () => {
  await using own = await startService({
    environment: { REFRESH_TOKEN_TTL: '1000', SESSION_MAX_AGE: '2500' },
  });
  const idle = await somebody(own);
  const busy = await somebody(own);
  let leaf = busy.refreshToken;
  for (const seconds of [900, 900, 600]) {
    own.advance(seconds);
    const response = await refresh(leaf, own);
    expect(response.__typename).toBe('TokenPair');
    leaf = response.refreshToken;
  }
  expect(await refresh(idle.refreshToken, own)).toMatchObject(invalid);
  own.advance(150);
  expect(await refresh(leaf, own)).toMatchObject(invalid);
});

test('access tokens expire up to 5 percent earlier, so that they do not all expire at once', async () => {
  const { email } = await somebody(service);
  const lifetimes = new Set<number>();
  for (let round = 0; round < 12; round += 1) {
    const { accessTokenExpiresAt } = await tryLogin(service, email);
    const seconds = Math.round((Date.parse(accessTokenExpiresAt) - Date.now()) / 1000);
    expect(seconds).toBeGreaterThanOrEqual(283);
    expect(seconds).toBeLessThanOrEqual(301);
    lifetimes.add(seconds);
  }
  expect(lifetimes.size).toBeGreaterThan(3);
});

test('sessions are listed with their address and user agent, and one can be ended', async () => {
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
  const otherUser = await somebody(service);
  for (const [token, session] of [
    [otherUser.accessToken, id],
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

test('logoutEverywhere ends all sessions of the caller and none of other users', async () => {
  const otherUser = await somebody(service);
  const { email, accessToken } = await somebody(service);
  const other = await tryLogin(service, email);
  const { data } = await service.graphql(
    'mutation { logoutEverywhere { __typename } }',
    {},
    accessToken,
  );
  expect(data.logoutEverywhere).toEqual({ __typename: 'Acknowledgement' });
  const third = await tryLogin(service, email);
  expect((await service.rest('DELETE', '/logout/', { token: third.accessToken })).status).toBe(204);
  for (const token of [accessToken, other.accessToken, third.accessToken]) {
    expect(await isIn(token)).toBe(false);
  }
  expect(await isIn(otherUser.accessToken)).toBe(true);
});

test('the sessions of an account that is disabled and enabled again stay ended', async () => {
  const { accessToken, refreshToken, userId } = await somebody(service);
  for (const status of ['DISABLED', 'ACTIVE']) {
    await service.database.query('update users set status = $1 where id = $2', [status, userId]);
  }
  expect(await isIn(accessToken)).toBe(false);
  expect(await refresh(refreshToken)).toMatchObject(invalid);
});

test('over REST a refresh returns both tokens, and 401 for an invalid token', async () => {
  const { refreshToken } = await somebody(service);
  const valid = await service.rest('POST', '/token/refresh/', {
    json: { refresh_token: refreshToken },
  });
  expect([valid.status, Object.keys(valid.body.data)]).toEqual([
    200,
    ['access_token', 'expires_in', 'refresh_token'],
  ]);
  expect(valid.headers.get('cache-control')).toBe('no-store');
  const rejected = await service.rest('POST', '/token/refresh/', {
    json: { refresh_token: 'nonsense' },
  });
  expect([rejected.status, rejected.body.data.code]).toEqual([401, 'INVALID_TOKEN']);
});

test('expired sessions are deleted after a month, and active ones are kept', async () => {
  const own = await startService({
    environment: { REFRESH_TOKEN_TTL: '31536000', SESSION_MAX_AGE: '31536000' },
  });
  const active = await somebody(own);
  await own.database.query(
    `insert into sessions (id, user_id, created_at, last_used_at, expires_at, ip_address, user_agent)
     select gen_random_uuid(), $1, now() - interval '70 days', now(), now() - interval '31 days', '', ''
     from generate_series(1, 2500)`,
    [active.userId],
  );
  await own.app.unitOfWork.withEntityManager(async () =>
    own.app.auth.sessions.tasks['purge-sessions']?.({}, { key: '', attempt: 1 }),
  );
  const [row] = await own.database.query<{ left: string }>('select count(*) as left from sessions');
  expect(row?.left).toBe('1');
  await own.close();
});

describe('of 16 parallel callers one ends a session, and the audit log has one entry', () => {
  const revoke = 'mutation ($id: ID!) { revokeSession(id: $id) { __typename } }';
  const entriesOf = (targetId: string) =>
    service.database.query<{ action: string }>(
      'select action from audit_entries where target_id = $1',
      [targetId],
    );

  test('by revokeSession; a later call succeeds and has no entry', async () => {
    const { email, accessToken } = await somebody(service);
    const other = sessionIdOf((await tryLogin(service, email)).accessToken);
    const call = async () => {
      const { data } = await service.graphql(revoke, { id: other }, accessToken);
      return data.revokeSession.__typename;
    };
    const outcomes = await Promise.all(Array.from({ length: 16 }, call));
    expect(new Set([...outcomes, await call()])).toEqual(new Set(['Acknowledgement']));
    expect(await entriesOf(other)).toEqual([{ action: 'revoked' }]);
  });

  test('by logout with the refresh token', async () => {
    const { email, accessToken } = await somebody(service);
    const { refreshToken, accessToken: ended } = await tryLogin(service, email);
    const call = () =>
      service.rest('POST', '/logout/', {
        json: { refresh_token: refreshToken },
        token: accessToken,
      });
    const responses = await Promise.all(Array.from({ length: 16 }, call));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([204]));
    expect(await entriesOf(sessionIdOf(ended))).toEqual([{ action: 'logged-out' }]);
  });

  test('by logoutEverywhere', async () => {
    const { userId, accessToken } = await somebody(service);
    const call = () => service.rest('DELETE', '/logout/', { token: accessToken });
    await Promise.all(Array.from({ length: 16 }, call));
    const entries = await entriesOf(userId);
    expect(entries.filter(({ action }) => action === 'sessions-ended')).toHaveLength(1);
  });
});
