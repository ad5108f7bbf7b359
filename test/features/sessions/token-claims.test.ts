/** The claims of `ACCESS_TOKEN_CLAIMS`: their values, their time, their size, and their cost. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceAccountActor } from '../../../src/core/request-context.ts';
import { makeGroup, newName, permissionId } from '../../support/administrators.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type DatabaseWire, openDatabaseWire } from '../../support/database-wire.ts';
import { partsOf } from '../../support/forge.ts';
import { createIdleUser } from '../../support/idle-user.ts';
import { somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn, refresh, unsigned } from '../../support/session-calls.ts';

const hasura = 'https://hasura.io/jwt/claims';
const all = 'email,username,groups,permissions,hasura';

let database: TestDatabase;
let wire: DatabaseWire;
let service: TestService;
beforeAll(async () => {
  database = await createTestDatabase();
  wire = await openDatabaseWire(database.url);
  service = await startService({
    database: { ...database, url: wire.url },
    environment: { ACCESS_TOKEN_CLAIMS: all },
  });
});
afterAll(async () => {
  await service.close();
  await wire[Symbol.asyncDispose]();
  await database.drop();
});

const join = (userId: string, groupId: string) =>
  service.database.query('insert into user_groups (user_id, group_id) values ($1, $2)', [
    userId,
    groupId,
  ]);

async function refreshed(refreshToken: string) {
  const next = await refresh(service, refreshToken);
  if (!next) throw new Error('the refresh was rejected');
  return next;
}

const claimsIn = (token: string) => partsOf(token).payload;

describe('the claims of a user', () => {
  test('are those of the account at the time of issue, and change with the next token', async () => {
    const ada = await somebody(service);
    await service.database.query("update users set username = 'ada' where id = $1", [ada.userId]);
    const name = newName();
    const [groupId, permission] = [await makeGroup(service, ['shop.*'], name), 'shop.view_order'];
    await join(ada.userId, groupId);
    await service.database.query('insert into user_permissions values ($1, $2)', [
      ada.userId,
      await permissionId(service, permission),
    ]);
    expect(claimsIn(ada.accessToken)).toMatchObject({
      email: ada.email,
      email_verified: true,
      groups: [],
    });
    expect(claimsIn(ada.accessToken)).not.toHaveProperty('username');
    const next = await refreshed(ada.refreshToken);
    expect(claimsIn(next.accessToken)).toMatchObject({
      email: ada.email,
      username: 'ada',
      groups: [name],
      permissions: ['shop.*', permission],
      [hasura]: {
        'x-hasura-user-id': ada.userId,
        'x-hasura-default-role': 'user',
        'x-hasura-allowed-roles': ['user', name],
      },
    });
    await service.database.query('delete from user_groups where user_id = $1', [ada.userId]);
    const last = await refreshed(next.refreshToken);
    expect(claimsIn(last.accessToken)).toMatchObject({ groups: [], permissions: [permission] });
    expect(await isIn(service, last.accessToken)).toBe(true);
  });

  test('say whether the user has confirmed the address', async () => {
    const bob = await somebody(service);
    await service.database.query('update users set email_verified_at = null where id = $1', [
      bob.userId,
    ]);
    const { accessToken } = await tryLogin(service, bob.email);
    expect(claimsIn(accessToken)).toMatchObject({ email: bob.email, email_verified: false });
  });

  test('of a superuser have every permission', async () => {
    const root = await somebody(service);
    await service.database.query('update users set is_superuser = true where id = $1', [
      root.userId,
    ]);
    const { accessToken } = await tryLogin(service, root.email);
    const { data } = await service.graphql('{ me { effectivePermissions } }', {}, accessToken);
    expect(claimsIn(accessToken).permissions).toEqual(data.me.effectivePermissions);
    expect(data.me.effectivePermissions).toContain('users.view_user');
  });

  test('give no role of Hasura that a group must not give', async () => {
    const eve = await somebody(service);
    for (const name of ['admin', 'Admin', 'service-account', 'USER', 'admins']) {
      await join(eve.userId, await makeGroup(service, [], name));
    }
    const { accessToken } = await tryLogin(service, eve.email);
    expect(claimsIn(accessToken)).toMatchObject({
      groups: expect.arrayContaining(['admin', 'service-account']),
      [hasura]: { 'x-hasura-allowed-roles': ['user', 'admins'] },
    });
  });

  test('within the grace period are in tokens with one id, while they do not change', async () => {
    const { refreshToken, userId } = await somebody(service);
    const one = await refreshed(refreshToken);
    const again = await refreshed(refreshToken);
    expect(unsigned(again)).toEqual(unsigned(one));
    await join(userId, await makeGroup(service));
    const changed = await refreshed(refreshToken);
    expect(changed.refreshToken).toBe(one.refreshToken);
    expect(claimsIn(changed.accessToken).jti).not.toBe(claimsIn(one.accessToken).jti);
    expect(claimsIn(changed.accessToken).exp).toBe(claimsIn(one.accessToken).exp);
  });

  test('that do not fit are left out whole and named, and the token is accepted', async () => {
    const bob = await somebody(service);
    for (let number = 0; number < 40; number += 1) {
      await join(bob.userId, await makeGroup(service, [], `${newName()} ${'é'.repeat(60)}`));
    }
    const { accessToken } = await tryLogin(service, bob.email);
    expect(accessToken.length).toBeLessThanOrEqual(4096);
    const claims = claimsIn(accessToken);
    expect(claims).toMatchObject({
      email: bob.email,
      permissions: [],
      omitted_claims: ['groups', hasura],
    });
    expect(claims).not.toHaveProperty('groups');
    expect(await isIn(service, accessToken)).toBe(true);
  });

  test('cost one statement at a login, and none while they are cached', async () => {
    const { email } = await createIdleUser(service);
    const before = wire.statements.length;
    const { accessToken, refreshToken } = await tryLogin(service, email);
    const ofLogin = wire.statements.slice(before).filter((text) => /session|log_in/.test(text));
    expect(ofLogin).toEqual([
      expect.stringMatching(/isKnownNetwork/),
      expect.stringMatching(/from log_in/),
      expect.stringMatching(/from sessions s join users u/),
    ]);
    const next = wire.statements.length;
    expect(await isIn(service, accessToken)).toBe(true);
    await refreshed(refreshToken);
    expect(wire.statements.slice(next)).toEqual([
      expect.stringMatching(/update sessions s set refresh_counter/),
    ]);
  });
});

test('without ACCESS_TOKEN_CLAIMS a token has the claims of RFC 9068 only', async () => {
  await using own = await startService();
  const { accessToken } = await somebody(own);
  const { payload } = partsOf(accessToken);
  const names = ['iss', 'sub', 'aud', 'client_id', 'jti', 'sid', 'iat', 'exp', 'auth_time', 'amr'];
  expect(Object.keys(payload).sort()).toEqual(names.sort());
  expect(payload).toMatchObject({ client_id: 'gatehouse', amr: ['pwd'] });
});

test('auth_time is the time of the login, also after a refresh', async () => {
  await using own = await startService();
  const { accessToken, refreshToken } = await somebody(own);
  own.advance(100);
  const next = await refresh(own, refreshToken);
  const [first, second] = [claimsIn(accessToken), claimsIn(next?.accessToken ?? '')];
  expect(first.auth_time).toBe(first.iat);
  expect(second.auth_time).toBe(first.auth_time);
  expect(Number(second.iat)).toBeGreaterThanOrEqual(Number(first.iat) + 100);
  expect(second.jti).not.toBe(first.jti);
});

describe('the token of a service account', () => {
  const client = (changes: Partial<ServiceAccountActor['credential']> = {}) =>
    ({
      kind: 'service-account',
      serviceAccount: { id: randomUUID(), clientId: 'orders', name: 'Orders' },
      groups: new Set(['Robots']),
      permissions: new Set(['shop.*', 'users.view_user', 'users.add_user']),
      credential: { kind: 'api-key', id: randomUUID(), permissions: null, ...changes },
    }) as ServiceAccountActor; // the changes are those of an API key

  test('names its account, its client and its key', async () => {
    const orders = client();
    const issued = await service.app.auth.tokens.issueForClient(orders, { keyExpiresAt: null });
    expect(issued).toEqual({
      tokenType: 'Bearer',
      accessToken: expect.any(String),
      accessTokenExpiresAt: expect.any(Date),
      expiresIn: expect.toSatisfy((seconds) => seconds > 290 && seconds <= 300),
    });
    const claims = claimsIn(issued.accessToken);
    expect(claims).toMatchObject({
      sub: orders.serviceAccount.id,
      client_id: 'orders',
      sid: orders.credential.id,
      groups: ['Robots'],
      permissions: ['shop.*', 'users.view_user', 'users.add_user'],
      [hasura]: { 'x-hasura-allowed-roles': ['service-account', 'Robots'] },
    });
    for (const name of ['email', 'email_verified', 'username', 'auth_time', 'amr']) {
      expect(claims).not.toHaveProperty(name);
    }
    const again = await service.app.auth.tokens.issueForClient(orders, { keyExpiresAt: null });
    expect(claimsIn(again.accessToken).jti).not.toBe(claims.jti);
  });

  test('lists the permissions within the limit of the key only', async () => {
    const limits: readonly (readonly [readonly string[], readonly string[]])[] = [
      [[], []],
      [['users.view_user'], ['users.view_user']],
      [['users.*'], ['users.add_user', 'users.view_user']],
      [['shop.view_order', 'users.delete_user'], ['shop.view_order']],
      [['*'], ['shop.*', 'users.add_user', 'users.view_user']],
      [['*.view_order'], []],
    ];
    for (const [limit, expected] of limits) {
      const limited = client({ permissions: new Set(limit) });
      const { accessToken } = await service.app.auth.tokens.issueForClient(limited, {
        keyExpiresAt: null,
      });
      expect([limit, claimsIn(accessToken).permissions]).toEqual([limit, expected]);
    }
  });
});
