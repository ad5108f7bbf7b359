/** A document in the cache is executed without Apollo, with the same response as by Apollo. */
import { ApolloServer } from '@apollo/server';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createIdleUser } from '../../support/idle-user.ts';
import { goodPassword } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let user: Awaited<ReturnType<typeof createIdleUser>>;

beforeAll(async () => {
  service = await startService();
  user = await createIdleUser(service);
  return () => service.close();
});
afterEach(() => {
  vi.restoreAllMocks();
});

interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  readonly isAnonymous?: boolean;
}

async function ask(body: object, { headers = {}, isAnonymous = false }: Asking = {}) {
  const response = await fetch(`${service.address}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(isAnonymous ? {} : { authorization: `Bearer ${user.accessToken}` }),
      ...headers,
    },
    body: JSON.stringify(body),
  });
  const { date: _, 'x-request-id': _id, ...compared } = Object.fromEntries(response.headers);
  return { status: response.status, headers: compared, text: await response.text() };
}

const apollo = () => vi.spyOn(ApolloServer.prototype, 'executeHTTPGraphQLRequest');

/** A document that is equal to GraphQL, including its locations, but is not in the cache. */
let blanks = 1;
const unknownWriting = (query: string) => query + ' '.repeat(blanks++);

const hasPermission = 'query ($permission: String!) { hasPermission(permission: $permission) }';
const logInDocument = `mutation ($input: LoginInput!) {
  login(input: $input) { __typename ... on TokenPair { user { email } } ... on Problem { code message } }
}`;
const profile = `{ me { id email fullName sessions { current } ...Rest } }
  fragment Rest on User { groups { name permissions { codename } } lastLoginAt }`;

describe('a document from the cache has the same response without Apollo', () => {
  test.each<[string, object, Asking?]>([
    ['a query', { query: '{ me { id email } }' }],
    ['one with a fragment', { query: profile }],
    ['one without a caller', { query: '{ __typename }' }, { isAnonymous: true }],
    ['variables', { query: hasPermission, variables: { permission: 'users.view_user' } }],
    ['no variables', { query: '{ me { email } }', variables: null, operationName: null }],
    ['the Accept header of browsers', { query: '{ me { id } }' }, { headers: { accept: '*/*' } }],
    ['JSON', { query: '{ me { id } }' }, { headers: { accept: 'application/json' } }],
  ])('%s', async (_what, body, asking) => {
    const asked = apollo();
    const first = await ask(body, asking);
    const calls = asked.mock.calls.length;
    const second = await ask(body, asking);
    expect(second).toEqual(first);
    expect(first.status).toBe(200);
    expect(asked.mock.calls.length).toBe(calls);
  });

  test('a login with the right and with a wrong password', async () => {
    const input = { email: user.email, password: goodPassword };
    const right = await ask({ query: logInDocument, variables: { input } }, { isAnonymous: true });
    expect(right.text).toContain('TokenPair');
    const asked = apollo();
    for (const password of [goodPassword, 'not the password']) {
      const variables = { input: { ...input, password } };
      const known = await ask({ query: logInDocument, variables }, { isAnonymous: true });
      expect(asked).not.toHaveBeenCalled();
      const query = unknownWriting(logInDocument);
      expect(known).toEqual(await ask({ query, variables }, { isAnonymous: true }));
      asked.mockClear();
    }
  });

  test('a document with errors during execution', async () => {
    const query =
      '{ a: me { id } b: me { id } c: me { id } d: me { id } e: hasPermission(permission: "x") }';
    await ask({ query });
    const asked = apollo();
    const known = await ask({ query }, { isAnonymous: true });
    expect(asked).not.toHaveBeenCalled();
    expect(JSON.parse(known.text).errors[0].extensions.code).toBe('UNAUTHENTICATED');
    expect(known).toEqual(await ask({ query: unknownWriting(query) }, { isAnonymous: true }));
  });
});

describe('Apollo executes', () => {
  const plain = { query: hasPermission, variables: { permission: 'users.view_user' } };

  test.each<[string, object, Asking?]>([
    ['a value of the wrong type', { ...plain, variables: { permission: ['x'] } }],
    ['a missing variable', { query: hasPermission }],
    ['variables as an array', { ...plain, variables: [1] }],
    ['a value too large', { ...plain, variables: { permission: 'x', y: Array(501).fill(1) } }],
    ['the name of an operation', { ...plain, operationName: 'other' }],
    ['extensions', { ...plain, extensions: { a: 1 } }],
    ['the newer media type', plain, { headers: { accept: 'application/graphql-response+json' } }],
    ['an Accept header other than JSON', plain, { headers: { accept: 'text/html' } }],
  ])('%s', async (_what, body, asking) => {
    await ask(plain);
    const asked = apollo();
    const known = await ask(body, asking);
    expect(asked).toHaveBeenCalledTimes(1);
    expect(known).toEqual(await ask({ ...body, query: unknownWriting(hasPermission) }, asking));
  });

  test.each([
    ['a document that has only had errors', '{ me { id } }', true],
    ['one of several operations', 'query A { __typename } query B { me { id } }', false],
    ['a long document', `{ ${'__typename '.repeat(300)} }`, false],
    ['an invalid document', '{ nothing }', false],
  ])('%s', async (_what, written, isAnonymous) => {
    const query = unknownWriting(written);
    const first = await ask({ query }, { isAnonymous });
    const asked = apollo();
    expect(await ask({ query }, { isAnonymous })).toEqual(first);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  test('a query in the URL', async () => {
    const query = '{ __typename }';
    await ask({ query });
    const asked = apollo();
    const url = `${service.address}/graphql?query=${encodeURIComponent(query)}`;
    const response = await fetch(url, { headers: { 'apollo-require-preflight': 'yes' } });
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
    expect(asked).toHaveBeenCalledTimes(1);
  });
});
