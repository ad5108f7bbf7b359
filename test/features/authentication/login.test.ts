/** Login, access tokens and logout. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  goodPassword,
  newAddress,
  person,
  register,
  somebody,
  tryLogin,
} from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const isIn = async (accessToken: string, at: TestService = service) =>
  (await at.graphql('{ me { id } }', {}, accessToken)).status === 200;

async function logout(accessToken: string, refreshToken?: string) {
  const { data } = await service.graphql(
    'mutation ($refreshToken: String) { logout(refreshToken: $refreshToken) { __typename ... on Problem { code } } }',
    { refreshToken },
    accessToken,
  );
  return data.logout;
}

test('a login ignores the case of the address and surrounding spaces', async () => {
  const { email } = await somebody(service);
  for (const variant of [email.toUpperCase(), ` ${email} `, email.replace('p', '\uff30')]) {
    const login = await tryLogin(service, variant);
    expect([variant, login.__typename]).toEqual([
      variant,
      variant.includes('\uff30') ? 'Problem' : 'TokenPair',
    ]);
  }
});

test.each([
  ['64 characters', 'x7'.repeat(32)],
  ['200 characters', 'Abc4 '.repeat(40)],
  ['64 characters of four bytes', `${'🦊'.repeat(63)}🐢`],
  ['8 characters of four bytes', '🦊🐢🐝🐙🦀🐳🦉🐌'],
  ['a NUL inside', 'before\u0000after it'],
])('a password of %s is verified exactly as received', async (_, password) => {
  const { email } = await somebody(service, { password });
  expect(await tryLogin(service, email, password)).toMatchObject({ __typename: 'TokenPair' });
  for (const other of [`${password} `, password.slice(0, -2), `${password}x`]) {
    expect(await tryLogin(service, email, other)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  }
});

test('spaces around a password are part of it', async () => {
  const { email } = await somebody(service, { password: ' Pass word9 ' });
  expect(await tryLogin(service, email, 'Pass word9')).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
});

test('composed and decomposed letters are different passwords', async () => {
  const { email } = await somebody(service, { password: 'p\u00e9 is composed' });
  expect(await tryLogin(service, email, 'pe\u0301 is composed')).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
});

test('each hash is argon2id with its own salt', async () => {
  await using costly = await startService({ hasCostlyHashes: true });
  await Promise.all([person(costly), person(costly)]);
  const rows = await costly.database.query<{ password_hash: string }>(
    'select password_hash from password_hashes',
  );
  const hashes = rows.map((row) => row.password_hash);
  expect(hashes).toHaveLength(2);
  expect(new Set(hashes).size).toBe(2);
  for (const hash of hashes) expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});

test('a hash with weaker parameters is renewed at the next login', async () => {
  await using costly = await startService({ hasCostlyHashes: true });
  const { email, userId } = await somebody(costly);
  const { hash } = await import('@node-rs/argon2');
  const weak = await hash(goodPassword, { memoryCost: 7168, timeCost: 1, parallelism: 1 });
  await costly.database.query('update password_hashes set password_hash = $1 where user_id = $2', [
    weak,
    userId,
  ]);
  expect(await tryLogin(costly, email)).toMatchObject({ __typename: 'TokenPair' });
  const [row] = await costly.database.query<{ password_hash: string }>(
    'select password_hash from password_hashes where user_id = $1',
    [userId],
  );
  expect(row?.password_hash).toContain('m=19456,t=2,p=1');
  expect(await tryLogin(costly, email)).toMatchObject({ __typename: 'TokenPair' });
});

test.each(['', '!unusable', 'notahash', '$argon2id$v=19$m=8388608,t=9,p=1$c2FsdHNhbHQ$aGFzaA'])(
  'a login with the broken hash %j fails',
  async (broken) => {
    const { email, userId } = await somebody(service);
    await service.database.query(
      'update password_hashes set password_hash = $1 where user_id = $2',
      [broken, userId],
    );
    expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  },
);

test('two logins in the same second create two sessions, and the end of one does not end the other', async () => {
  const { email } = await somebody(service);
  const [first, second] = await Promise.all([tryLogin(service, email), tryLogin(service, email)]);
  expect(await logout(first.accessToken)).toEqual({ __typename: 'Acknowledgement' });
  expect([await isIn(first.accessToken), await isIn(second.accessToken)]).toEqual([false, true]);
});

test('20 parallel logins with the correct password succeed', async () => {
  const { email } = await somebody(service);
  const logins = await Promise.all(Array.from({ length: 20 }, () => tryLogin(service, email)));
  expect(logins.map((login) => login.__typename)).toEqual(Array(20).fill('TokenPair'));
});

test('16 parallel logouts end their session, each with 204 or 401', async () => {
  const { accessToken } = await somebody(service);
  const responses = await Promise.all(
    Array.from({ length: 16 }, () => service.rest('POST', '/logout/', { token: accessToken })),
  );
  expect(
    responses.map(({ status }) => status).filter((status) => ![204, 401].includes(status)),
  ).toEqual([]);
  expect(responses.some(({ status }) => status === 204)).toBe(true);
  expect(await isIn(accessToken)).toBe(false);
});

test('a logout by refresh token ends only a session of the same user', async () => {
  const { email } = await somebody(service);
  const [one, other] = [await tryLogin(service, email), await tryLogin(service, email)];
  const otherUser = await somebody(service);
  expect(await logout(otherUser.accessToken, one.refreshToken)).toMatchObject({
    code: 'INVALID_TOKEN',
  });
  expect(await logout(one.accessToken, other.refreshToken)).toMatchObject({
    __typename: 'Acknowledgement',
  });
  expect([await isIn(one.accessToken), await isIn(other.accessToken)]).toEqual([true, false]);
});

test.each([
  ['truncated', (token: string) => token.slice(0, -1)],
  ['changed', (token: string) => `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`],
  ['random', () => randomBytes(36).toString('base64url')],
])('a refresh token that is %s is rejected', async (_, forge) => {
  const { accessToken, refreshToken } = await somebody(service);
  expect(await logout(accessToken, forge(refreshToken))).toMatchObject({ code: 'INVALID_TOKEN' });
  expect(await isIn(accessToken)).toBe(true);
});

test('an access token expires after five minutes', async () => {
  await using late = await startService();
  const { accessToken } = await somebody(late);
  late.advance(280);
  expect(await isIn(accessToken, late)).toBe(true);
  late.advance(25);
  expect(await isIn(accessToken, late)).toBe(false);
});

test.each([['DISABLED'], ['PENDING']])(
  'the tokens of an account that becomes %s are rejected',
  async (status) => {
    const { accessToken, refreshToken, userId } = await somebody(service);
    await service.database.query('update users set status = $1 where id = $2', [status, userId]);
    expect(await isIn(accessToken)).toBe(false);
    // Also with sessions that have not ended.
    await service.database.query('update sessions set ended_at = null where user_id = $1', [
      userId,
    ]);
    expect(await isIn(accessToken)).toBe(false);
    const json = { refresh_token: refreshToken };
    expect((await service.rest('POST', '/token/refresh/', { json })).status).toBe(401);
  },
);

test('a token of a deleted user is rejected', async () => {
  const { accessToken, userId } = await somebody(service);
  await service.database.query('delete from users where id = $1', [userId]);
  expect(await isIn(accessToken)).toBe(false);
});

test('a login sets lastLoginAt and keeps updatedAt', async () => {
  const { accessToken } = await somebody(service);
  const { data } = await service.graphql('{ me { lastLoginAt updatedAt } }', {}, accessToken);
  expect(Date.parse(data.me.lastLoginAt)).toBeGreaterThanOrEqual(Date.parse(data.me.updatedAt));
});

test('a disabled account, a registration and an unknown address get the same response, byte by byte', async () => {
  const { email, userId } = await somebody(service);
  const pending = await register(service);
  await service.database.query("update users set status = 'DISABLED' where id = $1", [userId]);
  const responses = [];
  for (const address of [newAddress(), email, pending.email]) {
    const json = { email: address, password: 'certainly not the password' };
    const response = await service.rest('POST', '/login/', { json });
    const headers = [...response.headers].filter(
      ([name]) => !['date', 'x-request-id'].includes(name),
    );
    responses.push(JSON.stringify([response.status, headers, response.text]));
  }
  expect(new Set(responses).size).toBe(1);
});
