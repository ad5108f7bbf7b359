/** Requests whose credential ends after its check and before the end of their body. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Administrator, newName, staff, superuser } from '../../support/administrators.ts';
import {
  createKey,
  createServiceAccount,
  outcomeOf,
  revokeKey,
  updateServiceAccount,
} from '../../support/api-keys.ts';
import { somebody } from '../../support/people.ts';
import { exchange, requestBytes } from '../../support/raw-socket.ts';
import { resetByRest, resetLink } from '../../support/resets.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

let service: TestService;
let root: Administrator;

beforeAll(async () => {
  service = await startService();
  root = await superuser(service);
});
afterAll(() => service.close());

/** The number of credentials that the service has looked up. */
async function lookups(): Promise<number> {
  const text = await (await fetch(`${service.address}/metrics`)).text();
  const lines = text.matchAll(/^gatehouse_principal_lookups_total\{[^}]*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Sends the head of a request, and waits for the check of its credential. The result sends the body. */
async function holdBody(token: string, query: string, variables: object) {
  const body = JSON.stringify({ query, variables });
  const headers = {
    'Content-Type': 'application/json',
    Authorization: `Bearer ${token}`,
    'Content-Length': String(Buffer.byteLength(body)),
  };
  const before = await lookups();
  let send = () => {};
  const response = exchange(service.address, requestBytes('POST /graphql', headers), {
    goOn: (socket) => {
      send = () => socket.write(body);
    },
    timeoutMilliseconds: 20_000,
  });
  await until(async () => (await lookups()) > before);
  return async () => {
    send();
    return outcomeOf(JSON.parse((await response).text));
  };
}

const createKeyDocument = `mutation ($input: CreateApiKeyInput!) {
  createApiKey(input: $input) { __typename ... on Problem { code } }
}`;
const createGroupDocument = `mutation ($name: String!) {
  createGroup(input: { name: $name }) { __typename ... on Problem { code } }
}`;
const revokeKeyDocument = `mutation ($id: ID!) {
  revokeApiKey(id: $id) { __typename ... on Problem { code } }
}`;
const updateProfileDocument = `mutation {
  updateProfile(input: { firstName: "Eve" }) { __typename ... on Problem { code } }
}`;

const reset = async (email: string) => {
  const { uid, token } = await resetLink(service, email);
  expect((await resetByRest(service, uid, token)).status).toBe(200);
};

describe('a session that ends before the body of the request', () => {
  test('by a logout creates and revokes no key, and changes no profile', async () => {
    const user = await somebody(service);
    const { id } = await createKey(service, user.accessToken);
    const held = [
      await holdBody(user.accessToken, createKeyDocument, { input: { name: 'late' } }),
      await holdBody(user.accessToken, revokeKeyDocument, { id }),
      await holdBody(user.accessToken, updateProfileDocument, {}),
    ];
    await service.rest('POST', '/logout/', { token: user.accessToken });
    for (const send of held) expect(await send()).toBe('UNAUTHENTICATED');
  });

  test('by a password reset creates no key', async () => {
    const user = await somebody(service);
    const key = await holdBody(user.accessToken, createKeyDocument, { input: { name: 'late' } });
    await reset(user.email);
    expect(await key()).toBe('UNAUTHENTICATED');
    const keys = await service.database.query('select 1 from api_keys where user_id = $1', [
      user.userId,
    ]);
    expect(keys).toEqual([]);
  });

  test.each([
    ['of a superuser', () => superuser(service)],
    ['of staff', () => staff(service, ['users.*'])],
  ])('%s changes nothing as an administrator', async (_, make) => {
    const ann = await make();
    const robot = await createServiceAccount(service, root.accessToken);
    const input = { name: 'late', serviceAccountId: robot.id };
    const key = await holdBody(ann.accessToken, createKeyDocument, { input });
    const group = await holdBody(ann.accessToken, createGroupDocument, { name: newName() });
    const { id } = await createKey(service, root.accessToken, { serviceAccountId: robot.id });
    const revocation = await holdBody(ann.accessToken, revokeKeyDocument, { id });
    await service.rest('POST', '/logout/', { token: ann.accessToken });
    for (const send of [key, group, revocation]) expect(await send()).toBe('UNAUTHENTICATED');
  });

  test('by its expiry creates no key', async () => {
    const user = await somebody(service);
    const key = await holdBody(user.accessToken, createKeyDocument, { input: { name: 'late' } });
    await service.database.query('update sessions set expires_at = now() where user_id = $1', [
      user.userId,
    ]);
    expect(await key()).toBe('UNAUTHENTICATED');
  });
});

describe('an API key that ends before the body of the request', () => {
  const withRobot = async () => {
    const [robot, other] = [
      await createServiceAccount(service, root.accessToken, {
        permissions: ['users.change_service_account', 'users.add_group'],
      }),
      await createServiceAccount(service, root.accessToken),
    ];
    const key = await createKey(service, root.accessToken, { serviceAccountId: robot.id });
    const input = { name: 'late', serviceAccountId: other.id };
    return {
      robot,
      key,
      held: [
        await holdBody(key.secret, createKeyDocument, { input }),
        await holdBody(key.secret, createGroupDocument, { name: newName() }),
      ],
    };
  };
  const outcomes = (held: readonly (() => Promise<string>)[]) =>
    Promise.all(held.map((send) => send()));

  test('works while the key is valid', async () => {
    expect(await outcomes((await withRobot()).held)).toEqual(['done', 'done']);
  });

  test.each([
    [
      'by its revocation',
      async ({ key }: Awaited<ReturnType<typeof withRobot>>) =>
        outcomeOf(await revokeKey(service, root.accessToken, key.id)),
    ],
    [
      'with its account',
      ({ robot }: Awaited<ReturnType<typeof withRobot>>) =>
        updateServiceAccount(service, root.accessToken, robot.id, { isActive: false }),
    ],
  ])('%s creates no key and no group', async (_, end) => {
    const made = await withRobot();
    expect(await end(made)).toBe('done');
    expect(await outcomes(made.held)).toEqual(['UNAUTHENTICATED', 'UNAUTHENTICATED']);
  });

  test('of a superuser changes nothing as an administrator', async () => {
    const { accessToken } = await superuser(service);
    const key = await createKey(service, accessToken);
    const group = await holdBody(key.secret, createGroupDocument, { name: newName() });
    await revokeKey(service, accessToken, key.id);
    expect(await group()).toBe('UNAUTHENTICATED');
  });
});
