/** Logins of accounts with the password hashes of other systems. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  dumpedUsers,
  firebaseExample,
  foreignHashes,
  foreignPassword,
  weakHashes,
} from '../../support/foreign-hashes.ts';
import { insertAccount, newAddress, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

vi.setConfig({ testTimeout: 60_000 });

let service: TestService;
beforeAll(async () => {
  // A login with the most expensive hash can take seconds on a busy machine.
  const httpLimits = { answerMilliseconds: 60_000 };
  service = await startService({ environment: { RATE_LIMITS: 'off' }, httpLimits });
});
afterAll(() => service.close());

async function accountWith(hash: string): Promise<string> {
  const email = newAddress();
  await insertAccount(service, { email, password: 'replaced by the hash' });
  await service.database.query(
    `update password_hashes set password_hash = $1
     where user_id = (select id from users where email = $2)`,
    [hash, email],
  );
  return email;
}

async function hashOf(email: string): Promise<string | undefined> {
  const [row] = await service.database.query<{ hash: string }>(
    `select password_hash as hash from password_hashes
     where user_id = (select id from users where email = $1)`,
    [email],
  );
  return row?.hash;
}

// First, because later rejections take as long as the most expensive hash of this file.
test.each(Object.entries(weakHashes))('%s logs in only when wrapped', async (_, hash) => {
  const bare = await accountWith(hash);
  expect(await tryLogin(service, bare, foreignPassword)).toMatchObject({
    code: 'INVALID_CREDENTIALS',
  });
  const email = await accountWith(await service.app.hasher.wrapWeak(hash));
  expect(await tryLogin(service, email, foreignPassword)).toMatchObject({
    __typename: 'TokenPair',
  });
  expect(await hashOf(email)).toMatch(/^\$argon2id\$v=19\$/);
  expect(await tryLogin(service, email, foreignPassword)).toMatchObject({
    __typename: 'TokenPair',
  });
});

test.each([
  ...Object.entries(foreignHashes).map(([name, hash]) => [name, hash, foreignPassword] as const),
  ['scrypt of Firebase', firebaseExample.hash, firebaseExample.password] as const,
])('%s logs in twice, the second time with argon2id', async (_, hash, password) => {
  const email = await accountWith(hash);
  expect(await tryLogin(service, email, password)).toMatchObject({ __typename: 'TokenPair' });
  const renewed = await hashOf(email);
  expect(renewed).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$/);
  expect(await tryLogin(service, email, password)).toMatchObject({ __typename: 'TokenPair' });
  expect(await hashOf(email)).toBe(renewed);
});

test('16 parallel logins with a hash of another system succeed, and it is computed anew once', async () => {
  const email = await accountWith(foreignHashes['pbkdf2_sha256 of Django 3.2']);
  const hashes = new Set<string | undefined>();
  const logins = Array.from({ length: 16 }, async () => {
    const login = await tryLogin(service, email, foreignPassword);
    hashes.add(await hashOf(email));
    return login.__typename;
  });
  expect(await Promise.all(logins)).toEqual(Array(16).fill('TokenPair'));
  expect([...hashes]).toEqual([expect.stringMatching(/^\$argon2id\$/)]);
});

test('a password that changes during a login with a hash of another system does not log in', async () => {
  const email = await accountWith(foreignHashes['bcrypt of Django 3.2']);
  const login = tryLogin(service, email, foreignPassword);
  await service.database.query(
    `update password_hashes set password_hash = $1
     where user_id = (select id from users where email = $2)`,
    [await service.app.hasher.hash('another password'), email],
  );
  expect(await login).toMatchObject({ code: 'INVALID_CREDENTIALS' });
});

test('no log line and no metric has a hash of another system', async () => {
  const hash = foreignHashes['bcrypt of Django 3.2'];
  const email = await accountWith(hash);
  await tryLogin(service, email, 'wrong');
  await tryLogin(service, email, foreignPassword);
  const { text } = await service.rest('GET', '/metrics');
  expect(text).not.toContain(hash.slice(-20));
  const log = service.logLines.join();
  for (const { password } of dumpedUsers()) expect(log).not.toContain(password.slice(-20));
});
