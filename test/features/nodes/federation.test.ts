/** The fields of a Federation subgraph: `_service` and `_entities`. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limits } from '../../../src/api/graphql/limits.ts';
import {
  type Administrator,
  makeGroup,
  makeUser,
  staff,
  superuser,
} from '../../support/administrators.ts';
import { createKey, createServiceAccount, revokeKey } from '../../support/api-keys.ts';
import { schemaText } from '../../support/operations.ts';
import { somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
/** An API key of a new service account with these permissions. */
async function createAccountKey(permissions: readonly string[] = []) {
  const { id } = await createServiceAccount(service, root.accessToken, { permissions });
  return createKey(service, root.accessToken, { serviceAccountId: id });
}

/** Without introspection. */
let quietService: TestService;
let root: Administrator;
let user: Administrator;

beforeAll(async () => {
  service = await startService();
  quietService = await startService({
    database: service.database,
    mail: service.mail,
    environment: { DEBUG: 'False' },
  });
  root = await superuser(service);
  user = await somebody(service);
});
afterAll(async () => {
  await quietService.close();
  await service.close();
});

const document = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
  __typename ... on User { id email } ... on Group { id permissions { codename } } ... on Permission { id } ... on ServiceAccount { id } } }`;

const entities = (representations: unknown, token?: string) =>
  service.graphql(document, { representations }, token);
const reference = (type: string, id: unknown) => ({ __typename: type, id });
const unknownId = '01a20c1d-ea8d-77eb-b0a1-6f2c22cac5a9';

describe('_entities', () => {
  test('answers objects in the order of their representations', async () => {
    const [other, group] = [await makeUser(service), await makeGroup(service, ['shop.view_order'])];
    const { data, errors } = await entities(
      [
        reference('Group', group),
        reference('User', root.userId),
        reference('User', unknownId),
        reference('User', other),
        reference('User', root.userId.toUpperCase()),
      ],
      root.accessToken,
    );
    expect(errors).toBeUndefined();
    expect(data._entities).toEqual([
      { __typename: 'Group', id: group, permissions: [{ codename: 'shop.view_order' }] },
      { __typename: 'User', id: root.userId, email: root.email },
      null,
      { __typename: 'User', id: other, email: expect.any(String) },
      { __typename: 'User', id: root.userId, email: root.email },
    ]);
  });

  test('answers what node answers: users without rights see themselves only', async () => {
    const group = await makeGroup(service);
    const { text } = await entities(
      [
        reference('User', user.userId),
        reference('User', root.userId),
        reference('User', unknownId),
        reference('Group', group),
      ],
      user.accessToken,
    );
    expect(JSON.parse(text)).toEqual({
      data: {
        _entities: [{ __typename: 'User', id: user.userId, email: user.email }, null, null, null],
      },
    });
  });

  test('a representation with the type of another object is null', async () => {
    const admin = await staff(service, ['users.*']);
    const group = await makeGroup(service);
    const { data, errors } = await entities(
      [reference('User', group), reference('Permission', group)],
      admin.accessToken,
    );
    expect({ data, errors }).toEqual({ data: { _entities: [null, null] }, errors: undefined });
  });

  test('a service account gets what its permissions show, without being staff', async () => {
    const [group, other] = [await makeGroup(service), await makeUser(service)];
    const references = [reference('Group', group), reference('User', other)];
    const ofGroups = await createAccountKey(['users.view_group']);
    expect((await entities(references, ofGroups.secret)).data._entities).toEqual([
      expect.objectContaining({ id: group }),
      null,
    ]);
    const ofUsers = await createAccountKey(['users.view_user']);
    expect((await entities(references, ofUsers.secret)).data._entities).toEqual([
      null,
      expect.objectContaining({ id: other }),
    ]);
    await revokeKey(service, root.accessToken, ofUsers.id);
    expect((await entities(references, ofUsers.secret)).status).toBe(401);
  });

  test('the limit of an API key holds, and a key of a user sees the user', async () => {
    const group = await makeGroup(service);
    const key = await createKey(service, root.accessToken, { permissions: ['users.view_group'] });
    const { data } = await entities(
      [reference('Group', group), reference('User', user.userId), reference('User', root.userId)],
      key.secret,
    );
    expect(data._entities).toEqual([
      expect.objectContaining({ id: group }),
      null,
      expect.objectContaining({ email: root.email }),
    ]);
  });

  test('a service account is an entity', async () => {
    const { id } = await createServiceAccount(service, root.accessToken);
    const { data } = await entities([reference('ServiceAccount', id)], root.accessToken);
    expect(data._entities).toEqual([{ __typename: 'ServiceAccount', id }]);
    expect((await entities([reference('ServiceAccount', id)], user.accessToken)).data).toEqual({
      _entities: [null],
    });
  });

  test('an empty list is an empty list', async () => {
    expect((await entities([], user.accessToken)).data).toEqual({ _entities: [] });
  });

  test('representations can be written in the document', async () => {
    const literal = `{ _entities(representations: [{ __typename: "User", id: "${user.userId}" }]) { ... on User { email } } }`;
    const { data } = await service.graphql(literal, {}, user.accessToken);
    expect(data).toEqual({ _entities: [{ email: user.email }] });
  });

  test('an anonymous caller is UNAUTHENTICATED, and an invalid token fails the request', async () => {
    const anonymous = await entities([reference('User', user.userId)]);
    expect(anonymous.data).toBeNull();
    expect(anonymous.errors?.map(({ extensions }) => extensions?.code)).toEqual([
      'UNAUTHENTICATED',
    ]);
    expect((await entities([reference('User', user.userId)], 'x')).status).toBe(401);
  });

  const typeFault = /^representations: __typename must be one of .*\bUser\b.*\.$/;
  const idFault = /^representations: id must be the id of an object\.$/;
  test.each([
    ['of a type without a key', reference('Session', unknownId), typeFault],
    ['of an API key', reference('ApiKey', unknownId), typeFault],
    ['of a type without an id', reference('TokenPair', unknownId), typeFault],
    ['of an unknown type', reference('Order', unknownId), typeFault],
    ['of an interface', reference('Node', unknownId), typeFault],
    ['with the name of a method', reference('toString', unknownId), typeFault],
    ['without a type', { id: unknownId }, typeFault],
    ['with a type that is not text', reference([] as never, unknownId), typeFault],
    ['that is text', 'User', typeFault],
    ['that is a number', 1, typeFault],
    ['that is a list', [reference('User', unknownId)], typeFault],
    ['without an id', { __typename: 'User' }, idFault],
    ['with another key', { __typename: 'User', email: 'ada@example.com' }, idFault],
    ['with an id that is no id', reference('User', 'garbage'), idFault],
    ['with an id that is not text', reference('User', { $ne: null }), idFault],
    ['with an id that is null', reference('User', null), idFault],
  ])(
    'a representation %s is BAD_USER_INPUT, and the others are answered',
    async (_what, representation, message) => {
      const { status, data, errors, text } = await entities(
        [representation, reference('User', user.userId)],
        user.accessToken,
      );
      expect(status).toBe(200);
      expect(data._entities).toEqual([null, expect.objectContaining({ email: user.email })]);
      expect(errors).toEqual([
        expect.objectContaining({
          message: expect.stringMatching(message),
          path: ['_entities', 0],
          extensions: {
            code: 'BAD_USER_INPUT',
            fields: [{ path: 'representations', message: expect.any(String) }],
          },
        }),
      ]);
      expect(text).not.toContain('garbage');
    },
  );

  test('the number of representations is limited, in variables and documents', async () => {
    const many = (count: number) =>
      Array.from({ length: count }, () => reference('User', unknownId));
    expect((await entities(many(limits.listItems), user.accessToken)).status).toBe(200);
    const refused = await entities(many(limits.listItems + 1), user.accessToken);
    expect(refused.status).toBe(400);
    expect(refused.errors?.[0]?.extensions?.code).toBe('BAD_USER_INPUT');
  });

  test('the cost limit counts the representations', async () => {
    const heavy = `query ($representations: [_Any!]!) { _entities(representations: $representations) {
      ... on User { groups { permissions { id codename name } } } } }`;
    const send = (count: number) =>
      service.graphql(
        heavy,
        { representations: Array.from({ length: count }, () => reference('User', unknownId)) },
        root.accessToken,
      );
    expect((await send(200)).status).toBe(200);
    const refused = await send(400);
    expect(refused.status).toBe(400);
    expect(refused.errors?.[0]?.message).toMatch(/too expensive/);
    const literal = heavy
      .replace('($representations: [_Any!]!)', '')
      .replace(': $representations', `: [${'1,'.repeat(400)}]`);
    expect((await service.graphql(literal, {}, root.accessToken)).status).toBe(400);
  });
});

test('a response has no trace of the fields, also for a client that asks for it', async () => {
  const response = await fetch(`${service.address}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'apollo-federation-include-trace': 'ftv1',
      authorization: `Bearer ${user.accessToken}`,
    },
    body: JSON.stringify({ query: '{ me { id firstName } }' }),
  });
  expect(await response.json()).toEqual({ data: { me: { id: user.userId, firstName: 'Ada' } } });
});

describe('_service', () => {
  test('with DEBUG everybody gets the text of schema.graphql', async () => {
    const { data } = await service.graphql('{ _service { sdl } }');
    expect(data).toEqual({ _service: { sdl: schemaText } });
  });

  test('without DEBUG it is refused to everybody else than service accounts', async () => {
    const read = async (token?: string) => {
      const { data, errors } = await quietService.graphql('{ _service { sdl } }', {}, token);
      return { data, code: errors?.[0]?.extensions?.code };
    };
    expect(await read()).toEqual({ data: null, code: 'UNAUTHENTICATED' });
    const ofRoot = await createKey(service, root.accessToken);
    for (const token of [user.accessToken, root.accessToken, ofRoot.secret]) {
      expect(await read(token)).toEqual({ data: null, code: 'FORBIDDEN' });
    }
    const key = await createAccountKey();
    expect(await read(key.secret)).toEqual({ data: { _service: { sdl: schemaText } } });
    await revokeKey(service, root.accessToken, key.id);
    const answer = () => quietService.graphql('{ _service { sdl } }', {}, key.secret);
    await expect.poll(async () => (await answer()).status).toBe(401); // another process
    expect((await answer()).text).not.toContain('sdl');
  });
});
