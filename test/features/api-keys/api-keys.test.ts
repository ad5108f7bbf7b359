/** API keys of users: creation, limits, use on every interface, expiry and revocation. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import {
  type Administrator,
  makeGroup,
  newName,
  setPermissions,
  staff,
  superuser,
} from '../../support/administrators.ts';
import {
  createKey,
  holds,
  type Key,
  outcomeOf,
  revokeKey,
  tryCreateKey,
} from '../../support/api-keys.ts';
import { goodPassword, newAddress, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

const sql = (text: string, parameters: unknown[]) => service.database.query(text, parameters);
const me = (token: string) => service.graphql('{ me { id } }', {}, token);
const keysOf = async (token: string) =>
  (
    await service.graphql(
      '{ me { apiKeys { id name prefix permissions expiresAt lastUsedAt } } }',
      {},
      token,
    )
  ).data?.me.apiKeys;

describe('a key of a user', () => {
  test('is shown once, and authenticates its owner over GraphQL and REST', async () => {
    const { accessToken, userId } = await somebody(service);
    const { data } = await tryCreateKey(service, accessToken, { name: 'laptop' });
    const { secret, apiKey } = data.createApiKey;
    expect(secret).toMatch(/^gk_[0-9A-Za-z]{49}$/);
    expect(apiKey).toMatchObject({
      name: 'laptop',
      permissions: null,
      expiresAt: null,
      lastUsedAt: null,
    });
    expect(secret.startsWith(apiKey.prefix)).toBe(true);
    expect((await me(secret)).data.me.id).toBe(userId);
    const rest = await service.rest('GET', '/profile/view/', { token: secret });
    expect(rest.status).toBe(200);
    const stored = await sql('select * from api_keys where id = $1', [apiKey.id]);
    expect(JSON.stringify(stored)).not.toContain(secret.slice(12));
    expect((await keysOf(accessToken))[0]).toMatchObject({ id: apiKey.id, prefix: apiKey.prefix });
    expect((await keysOf(accessToken))[0].lastUsedAt).not.toBeNull();
  });

  test('holds what its owner holds at the moment of its use, and at most its own list', async () => {
    const { accessToken, userId } = await somebody(service);
    await setPermissions(service, userId, ['shop.view_order', 'shop.add_order']);
    const free = await createKey(service, accessToken);
    const limited = await createKey(service, accessToken, { permissions: ['shop.view_order'] });
    const none = await createKey(service, accessToken, { permissions: [] });
    const check = async (permission: string) =>
      Promise.all([free, limited, none].map(({ secret }) => holds(service, secret, permission)));
    expect(await check('shop.view_order')).toEqual([true, true, false]);
    expect(await check('shop.add_order')).toEqual([true, false, false]);
    await setPermissions(service, userId, ['shop.delete_order']);
    expect(await check('shop.view_order')).toEqual([false, false, false]);
    expect(await check('shop.delete_order')).toEqual([true, false, false]);
  });

  test('a list is refused when the owner lacks one of its codes, also a wildcard', async () => {
    const { accessToken, userId } = await somebody(service);
    await setPermissions(service, userId, ['tea.*', 'oil.view']);
    const outcome = async (...permissions: string[]) =>
      outcomeOf(await tryCreateKey(service, accessToken, { permissions }));
    expect(await outcome('tea.brew', 'oil.view')).toBe('done');
    expect(await outcome('tea.*')).toBe('done');
    for (const code of ['oil.*', '*', 'users.view_user']) {
      expect([code, await outcome(code)]).toEqual([code, 'FORBIDDEN']);
    }
    expect(await outcome('not a code')).toBe('VALIDATION_FAILED');
  });

  test('of a superuser with a list has no other right', async () => {
    const { secret } = await createKey(service, root.accessToken, {
      permissions: ['users.view_user'],
    });
    const { data } = await service.graphql('{ users(first: 1) { nodes { id } } }', {}, secret);
    expect(data.users.nodes).toHaveLength(1);
    const { userId } = await somebody(service);
    const disable = await service.graphql(
      'mutation ($id: ID!) { deactivateUser(id: $id) { __typename } }',
      { id: userId },
      secret,
    );
    expect(outcomeOf(disable)).toBe('FORBIDDEN');
    const free = await createKey(service, root.accessToken);
    const made = await service.graphql(
      'mutation ($name: String!) { createGroup(input: { name: $name }) { __typename } }',
      { name: newName() },
      free.secret,
    );
    expect(outcomeOf(made)).toBe('done');
  });

  test('of staff grants no more than its list', async () => {
    const ann = await staff(service, ['users.*', 'shop.*']);
    const group = await makeGroup(service, ['shop.sell']);
    const { secret } = await createKey(service, ann.accessToken, {
      permissions: ['users.change_user', 'users.change_group'],
    });
    const { userId } = await somebody(service);
    const join = (token: string) =>
      service.graphql(
        `mutation ($input: SetGroupMembershipInput!) {
          setGroupMembership(input: $input) { __typename ... on Problem { code } }
        }`,
        { input: { userId, groupId: group } },
        token,
      );
    expect(outcomeOf(await join(secret))).toBe('FORBIDDEN');
    expect(outcomeOf(await join(ann.accessToken))).toBe('done');
  });

  test('cannot change the own account, its sessions and its keys', async () => {
    const { accessToken, email } = await somebody(service);
    const { secret, id } = await createKey(service, accessToken);
    const changes = [
      'mutation { updateProfile(input: { firstName: "Eve" }) { __typename } }',
      'mutation { logoutEverywhere { __typename } }',
      'mutation { logout { __typename } }',
      `mutation { changePassword(input: { currentPassword: "${goodPassword}", newPassword: "another good password" }) { __typename } }`,
      `mutation { deactivateAccount(input: { email: "${email}", password: "${goodPassword}" }) { __typename } }`,
      `mutation { eraseAccount(password: "${goodPassword}") { __typename } }`,
      `mutation { revokeApiKey(id: "${id}") { __typename } }`,
      'mutation { createApiKey(input: { name: "more" }) { __typename } }',
      'query { exportMyData }',
    ];
    for (const change of changes) {
      expect([change, outcomeOf(await service.graphql(change, {}, secret))]).toEqual([
        change,
        'FORBIDDEN',
      ]);
    }
    expect((await me(secret)).status).toBe(200);
  });
});

describe('a key of an administrator does not administer its own account', () => {
  const { createGroup, ...administration } = administrationOf(() => service);

  test.each([
    ['a superuser', () => superuser(service)],
    ['staff', () => staff(service, ['users.*'])],
  ])('as %s', async (_, make) => {
    const { accessToken, userId } = await make();
    const by = { accessToken: (await createKey(service, accessToken)).secret };
    const group = await createGroup(by, {});
    const { updateUser, deactivateUser, setGroupMembership } = administration;
    const attempts = {
      names: updateUser(by, userId, { firstName: 'Eve', username: newName() }),
      password: updateUser(by, userId, { password: 'an entirely new passphrase' }),
      email: updateUser(by, userId, { email: newAddress() }),
      groups: updateUser(by, userId, { groupIds: [group.id] }),
      membership: setGroupMembership(by, { userId, groupId: group.id }),
      status: deactivateUser(by, userId),
      sessions: administration.revokeUserSessions(by, userId),
      reset: administration.sendPasswordReset(by, userId),
    };
    for (const [name, attempt] of Object.entries(attempts)) {
      expect([name, (await attempt).outcome]).toEqual([name, 'FORBIDDEN']);
    }
    expect((await me(accessToken)).status).toBe(200);
    const other = await somebody(service);
    expect((await updateUser(by, other.userId, { firstName: 'Ada' })).outcome).toBe('done');
  });
});

describe('a key ends', () => {
  let owner: Awaited<ReturnType<typeof somebody>>;
  let key: Key;
  const works = async () => (await me(key.secret)).status === 200;

  test('at its revocation, of which one of 16 parallel callers succeeds', async () => {
    owner = await somebody(service);
    key = await createKey(service, owner.accessToken);
    expect(await works()).toBe(true);
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, async () =>
        outcomeOf(await revokeKey(service, owner.accessToken, key.id)),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'NOT_FOUND')).toHaveLength(15);
    expect(await works()).toBe(false);
    expect(await keysOf(owner.accessToken)).toEqual([]);
  });

  test('at its expiry', async () => {
    owner = await somebody(service);
    const soon = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
    for (const expiresAt of ['2020-01-01T00:00:00Z', soon(0.9), soon(59)]) {
      const refused = await tryCreateKey(service, owner.accessToken, { expiresAt });
      expect(refused.data.createApiKey).toMatchObject({
        code: 'VALIDATION_FAILED',
        fields: [{ path: 'expiresAt', message: 'Must be at least 60 seconds in the future.' }],
      });
    }
    key = await createKey(service, owner.accessToken, { expiresAt: soon(65) });
    await sql('update api_keys set expires_at = $2 where id = $1', [key.id, soon(1.5)]);
    expect(await works()).toBe(true);
    await expect.poll(works, { timeout: 5000 }).toBe(false);
    const { status, headers, errors } = await me(key.secret);
    expect([status, errors?.[0]?.extensions?.code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(headers.get('www-authenticate')).toContain('Bearer');
  });

  test('for ever when its owner is disabled', async () => {
    owner = await somebody(service);
    key = await createKey(service, owner.accessToken);
    expect(await works()).toBe(true);
    await sql("update users set status = 'DISABLED' where id = $1", [owner.userId]);
    expect(await works()).toBe(false);
    await sql("update users set status = 'ACTIVE' where id = $1", [owner.userId]);
    expect(await works()).toBe(false);
  });

  test('at the revocation by an administrator of users, except that of a superuser', async () => {
    owner = await somebody(service);
    key = await createKey(service, owner.accessToken);
    const stranger = await somebody(service);
    const ann = await staff(service, ['users.change_user', 'users.view_user']);
    expect(outcomeOf(await revokeKey(service, stranger.accessToken, key.id))).toBe('NOT_FOUND');
    const listed = await service.graphql(
      'query ($id: ID!) { user(id: $id) { apiKeys { id } } }',
      { id: owner.userId },
      ann.accessToken,
    );
    expect(listed.data.user.apiKeys).toEqual([{ id: key.id }]);
    expect(outcomeOf(await revokeKey(service, ann.accessToken, key.id))).toBe('done');
    expect(await works()).toBe(false);
    const ofRoot = await createKey(service, root.accessToken);
    expect(outcomeOf(await revokeKey(service, ann.accessToken, ofRoot.id))).toBe('FORBIDDEN');
  });
});

test('malformed and unknown keys are refused like an invalid token', async () => {
  const bearers = [
    'gk_',
    'gk_short',
    `gk_${'a'.repeat(49)}`,
    `gk_${'a'.repeat(5000)}`,
    'gk_\u00e9',
    'GK_abc',
  ];
  for (const bearer of bearers) {
    const response = await service.rest('GET', '/profile/view/', {
      headers: { authorization: `Bearer ${bearer}` },
    });
    expect([bearer.slice(0, 9), response.status]).toEqual([bearer.slice(0, 9), 401]);
    expect(response.headers.get('www-authenticate')).toContain('Bearer');
  }
});
