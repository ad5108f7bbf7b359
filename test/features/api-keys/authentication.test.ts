/** Authentication with API keys: the audit log, rate limits, clients of OAuth, other replicas, and the last use. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runWithContext } from '../../../src/core/request-context.ts';
import { createApiKeySecret } from '../../../src/crypto/api-key.ts';
import { type Administrator, superuser } from '../../support/administrators.ts';
import {
  createKey,
  createServiceAccount,
  holds,
  revokeKey,
  updateServiceAccount,
} from '../../support/api-keys.ts';
import { goodPassword, somebody } from '../../support/people.ts';
import { resetByRest, resetLink } from '../../support/resets.ts';
import { startService, type TestService } from '../../support/service.ts';

const feedKey = 'a key of at least thirty-two characters';
let service: TestService;
let replica: TestService;
let root: Administrator;

beforeAll(async () => {
  const environment = { REVOCATION_FEED_KEY: feedKey, RATE_LIMITS: 'code=12/600' };
  service = await startService({ environment });
  replica = await startService({ database: service.database, mail: service.mail, environment });
  root = await superuser(service);
});
afterAll(async () => {
  await replica.close();
  await service.close();
});
const sql = (text: string, parameters: unknown[] = []) => service.database.query(text, parameters);
const clearLimits = () => service.app.rateLimiter?.clear();

async function robotWith(permissions: readonly string[] = ['shop.sell']) {
  const account = await createServiceAccount(service, root.accessToken, { permissions });
  const key = await createKey(service, root.accessToken, { serviceAccountId: account.id });
  return { ...account, keyId: key.id, key: key.secret };
}

async function entriesOf(filter: object) {
  const { data } = await service.graphql(
    `query ($filter: AuditFilter) {
      auditEntries(first: 50, filter: $filter) {
        nodes { action outcome code actorKind actorId targetType targetId before after ipAddress }
      }
    }`,
    { filter },
    root.accessToken,
  );
  return data.auditEntries.nodes;
}

test('the audit log has creation, first use and revocation of a key, and never its secret', async () => {
  const robot = await robotWith();
  await holds(service, robot.key, 'shop.sell');
  await holds(replica, robot.key, 'shop.sell');
  await revokeKey(service, root.accessToken, robot.keyId);
  await holds(service, robot.key, 'shop.sell');
  await holds(service, robot.key, 'shop.sell');
  const entries = await entriesOf({ targetId: robot.keyId });
  expect(entries.toReversed()).toMatchObject([
    { action: 'api-key-created', actorKind: 'user', actorId: root.userId, targetType: 'api-key' },
    {
      action: 'api-key-first-used',
      actorKind: 'service-account',
      actorId: robot.id,
      ipAddress: '127.0.0.1',
    },
    { action: 'api-key-revoked', actorId: root.userId },
    { action: 'api-key-used', outcome: 'refused', code: 'UNAUTHENTICATED', actorKind: 'anonymous' },
  ]);
  expect(JSON.stringify(entries)).not.toContain(robot.key.slice(-40));
  expect(service.logLines.join('\n')).not.toContain(robot.key.slice(-40));
  const names = await service.app.unitOfWork.withEntityManager(async () => {
    const page = await service.app.audit.entries.auditEntries(
      { page: { first: 10 }, filter: { targetId: robot.keyId } },
      operator(),
    );
    return service.app.audit.names.withNames(page.nodes, operator());
  });
  expect(names.find(({ actorId }) => actorId === robot.id)).toMatchObject({
    actorName: 'robot',
    targetName: 'ci',
  });
});

/** A context with the rights of a superuser. */
function operator() {
  const now = new Date();
  return {
    actor: {
      kind: 'user' as const,
      user: {
        id: root.userId,
        email: root.email,
        username: null,
        firstName: '',
        lastName: '',
        status: 'ACTIVE' as const,
        isStaff: true,
        isSuperuser: true,
        pendingEmail: null,
        emailVerifiedAt: null,
        locale: null,
        externalId: null,
        metadata: {},
        createdAt: now,
        updatedAt: now,
        lastLoginAt: null,
      },
      groups: new Set<string>(),
      permissions: new Set<string>(),
      credential: { kind: 'session' as const, id: root.userId },
    },
    client: { ipAddress: '192.0.2.7', userAgent: 'test', locale: 'en', requestId: 'test' },
  };
}

test('changes by a service account are entries of it', async () => {
  const robot = await robotWith(['users.add_group']);
  await service.graphql(
    'mutation { createGroup(input: { name: "By a robot" }) { __typename } }',
    {},
    robot.key,
  );
  expect(await entriesOf({ actorId: robot.id, action: 'group-created' })).toMatchObject([
    { actorKind: 'service-account', after: { name: 'By a robot' }, ipAddress: '127.0.0.1' },
  ]);
});

test('unknown keys consume attempts of their network, and a valid key still works', async () => {
  await clearLimits();
  const robot = await robotWith();
  const attempts = Array.from({ length: 16 }, () =>
    service.rest('GET', '/profile/has_group/x/', { token: createApiKeySecret().secret }),
  );
  const statuses = (await Promise.all(attempts)).map(({ status }) => status);
  expect(statuses.filter((status) => status === 401)).toHaveLength(12);
  expect(statuses.filter((status) => status === 429)).toHaveLength(4);
  const graphql = await service.graphql('{ me { id } }', {}, createApiKeySecret().secret);
  expect(graphql.status).toBe(429);
  expect(Number(graphql.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await holds(service, robot.key, 'shop.sell')).toBe(true);
  await clearLimits();
});

const client = (clientId: string, secret: string, at = service) =>
  at.app.unitOfWork.withEntityManager(() =>
    runWithContext(
      { actor: undefined, client: { ...operator().client, ipAddress: '192.0.2.7' } },
      () => at.app.auth.keyAuthentication.authenticateClient({ clientId, secret }),
    ),
  );

test('a client authenticates with its own key only, and each failure consumes an attempt', async () => {
  await clearLimits();
  const [robot, other] = [await robotWith(), await robotWith()];
  const personal = await createKey(service, root.accessToken);
  const found = await client(robot.clientId, robot.key);
  expect(found?.actor.serviceAccount).toEqual({
    id: robot.id,
    clientId: robot.clientId,
    name: 'robot',
  });
  expect(found?.actor.credential.id).toBe(robot.keyId);
  const wrong: readonly (readonly [string, string])[] = [
    ['sa_unknown', robot.key],
    [robot.clientId, other.key],
    [robot.clientId, createApiKeySecret().secret],
    [robot.clientId, 'nonsense'],
    [robot.clientId, ''],
    [root.userId, personal.secret],
  ];
  for (const [clientId, secret] of wrong) expect(await client(clientId, secret)).toBeUndefined();
  await updateServiceAccount(service, root.accessToken, robot.id, { isActive: false });
  expect(await client(robot.clientId, robot.key)).toBeUndefined();
  for (let left = 5; left > 0; left -= 1) await client('sa_unknown', 'gk_nonsense');
  await expect(client('sa_unknown', 'gk_nonsense')).rejects.toMatchObject({ code: 'THROTTLED' });
  expect(await client(other.clientId, other.key)).toBeDefined();
  await clearLimits();
});

test('an access token of a client depends on its key', async () => {
  const robot = await robotWith();
  const response = await fetch(`${service.address}/oauth/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: robot.clientId,
      client_secret: robot.key,
    }),
  });
  const { access_token: accessToken } = (await response.json()) as { access_token: string };
  expect(await holds(service, accessToken, 'shop.sell')).toBe(true);
  expect(await holds(replica, accessToken, 'shop.sell')).toBe(true);
  await revokeKey(service, root.accessToken, robot.keyId);
  expect(await holds(service, accessToken, 'shop.sell')).toBe('refused');
  await expect
    .poll(() => holds(replica, accessToken, 'shop.sell'), { timeout: 1000 })
    .toBe('refused');
});

test.each([
  [
    'the revocation of its key',
    (robot: { keyId: string }) => revokeKey(service, root.accessToken, robot.keyId),
  ],
  [
    'the end of its account',
    (robot: { id: string }) =>
      updateServiceAccount(service, root.accessToken, robot.id, { isActive: false }),
  ],
  ['SQL', (robot: { keyId: string }) => sql('delete from api_keys where id = $1', [robot.keyId])],
])(
  'another replica refuses a key within a second after %s, and the feed sends its id',
  async (_what, end) => {
    const robot = await robotWith();
    expect(await holds(replica, robot.key, 'shop.sell')).toBe(true);
    const closing = new AbortController();
    const feed = await fetch(`${replica.address}/revocations`, {
      headers: { authorization: `Bearer ${feedKey}` },
      signal: closing.signal,
    });
    const events = readUntil(feed, robot.keyId);
    await sleep(50);
    const endedAt = performance.now();
    await end(robot);
    while ((await holds(replica, robot.key, 'shop.sell')) !== 'refused') {
      expect(performance.now() - endedAt).toBeLessThan(1000);
    }
    expect(await events).toContain(`"type":"ended","sessionId":"${robot.keyId}"`);
    closing.abort();
    const later = await fetch(`${replica.address}/revocations`, {
      headers: { authorization: `Bearer ${feedKey}` },
    });
    expect(await readUntil(later, robot.keyId)).toContain(robot.keyId);
  },
);

/** The events up to one that contains the text. */
async function readUntil(response: Response, text: string): Promise<string> {
  let read = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    read += chunk;
    if (read.includes(text)) return read;
  }
  return read;
}

test('a password reset by mail revokes the keys, a password change does not', async () => {
  const owner = await somebody(service);
  const key = await createKey(service, owner.accessToken);
  const works = () => holds(service, key.secret, 'shop.sell');
  await service.graphql(
    `mutation ($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }`,
    { input: { currentPassword: goodPassword, newPassword: 'another long passphrase' } },
    owner.accessToken,
  );
  expect(await works()).toBe(false);
  const { uid, token } = await resetLink(service, owner.email);
  expect((await resetByRest(service, uid, token)).status).toBe(200);
  expect(await works()).toBe('refused');
  expect(await entriesOf({ targetId: owner.userId, action: 'api-keys-revoked' })).toMatchObject([
    { after: { apiKeyIds: [key.id] } },
  ]);
});

test('the last use is written later, in one statement for all keys', async () => {
  const own = await startService({ database: service.database, mail: service.mail });
  const [one, two] = [await robotWith(), await robotWith()];
  for (const { key } of [one, two]) await holds(own, key, 'shop.sell');
  const ids = [one.keyId, two.keyId];
  await sql("update api_keys set last_used_at = '2020-01-01' where id = any($1)", [ids]);
  await sql("update service_accounts set last_used_at = '2020-01-01' where id = $1", [one.id]);
  for (let round = 0; round < 20; round += 1) await holds(own, one.key, 'shop.sell');
  await holds(own, two.key, 'shop.sell');
  const read = async () =>
    sql(
      `select last_used_at > now() - interval '1 minute' as recent from api_keys where id = any($1)
       union all select last_used_at > now() - interval '1 minute' from service_accounts where id = $2`,
      [ids, one.id],
    );
  expect(await read()).toEqual([{ recent: false }, { recent: false }, { recent: false }]);
  await own.close();
  expect(await read()).toEqual([{ recent: true }, { recent: true }, { recent: true }]);
});

test('keys over REST: create, list and revoke, also for a service account', async () => {
  const { accessToken: token } = await somebody(service);
  const made = await service.rest('POST', '/api_keys/', {
    token,
    json: { name: 'laptop', expires_at: '2098-01-01T00:00:00Z', permissions: [] },
  });
  expect(made.status).toBe(201);
  expect(made.body.data).toMatchObject({
    name: 'laptop',
    permissions: [],
    expires_at: '2098-01-01T00:00:00.000Z',
    secret: expect.stringMatching(/^gk_/),
  });
  const list = await service.rest('GET', '/api_keys/', { token });
  expect(list.body.data).toEqual([{ ...made.body.data, secret: undefined }]);
  const path = `/api_keys/${made.body.data.id}/`;
  expect((await service.rest('DELETE', path, { token: made.body.data.secret })).status).toBe(403);
  expect((await service.rest('DELETE', path, { token })).status).toBe(204);
  expect((await service.rest('DELETE', path, { token })).status).toBe(404);
  const account = await service.rest('POST', '/admin/service_accounts/', {
    token: root.accessToken,
    json: { name: 'by rest' },
  });
  expect(account.body.data).toMatchObject({ name: 'by rest', is_active: true, groups: [] });
  const key = await service.rest('POST', '/api_keys/', {
    token: root.accessToken,
    json: { name: 'ci', service_account: account.body.data.id },
  });
  const check = await service.rest('GET', '/profile/has_permission/shop.sell/', {
    token: key.body.data.secret,
  });
  expect(check.body.data).toEqual({ has_permission: false });
});

test('an expiry in another format is refused with the format, over REST and GraphQL', async () => {
  const { accessToken: token } = await somebody(service);
  const message = 'Must be a time such as 2026-01-31T12:00:00Z.';
  for (const expiry of ['soon', '2098-12-31', '2098-12-31T00:00Z', message]) {
    const json = { name: 'x', expires_at: expiry };
    const { status, body } = await service.rest('POST', '/api_keys/', { token, json });
    expect([status, body.data.fields]).toEqual([400, [{ path: 'expires_at', message }]]);
  }
  const mutation = `mutation ($input: CreateApiKeyInput!) {
    createApiKey(input: $input) { __typename }
  }`;
  const variables = { input: { name: 'x', expiresAt: '2098-12-31' } };
  const { errors } = await service.graphql(mutation, variables, token);
  expect(errors?.[0]?.extensions).toMatchObject({
    fields: [{ path: 'input.expiresAt', message }],
  });
  const literal = '{ auditEntries(filter: { since: "2098-12-31" }) { totalCount } }';
  const refused = await service.graphql(literal, {}, token);
  expect(refused.errors?.[0]?.message).toBe(message);
});

test('an export of the own data has the keys without their digests', async () => {
  const { accessToken } = await somebody(service);
  const key = await createKey(service, accessToken, { name: 'exported' });
  const { data } = await service.graphql('{ exportMyData }', {}, accessToken);
  expect(data.exportMyData.apiKeys).toMatchObject([{ id: key.id, name: 'exported' }]);
  expect(JSON.stringify(data)).not.toContain('digest');
});
