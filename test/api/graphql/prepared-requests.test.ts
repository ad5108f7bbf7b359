/** The first request with a document is answered by Apollo, later ones without it, and all with the same response. */
import { ApolloServer } from '@apollo/server';
import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createIdleUser } from '../../support/idle-user.ts';
import { goodPassword } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let user: Awaited<ReturnType<typeof createIdleUser>>;

beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
  user = await createIdleUser(service);
  return () => service.close();
});
afterEach(() => {
  vi.restoreAllMocks();
});

interface Body {
  readonly query?: unknown;
  readonly operationName?: unknown;
  readonly variables?: unknown;
  readonly extensions?: unknown;
  readonly [other: string]: unknown;
}

interface Options {
  readonly headers?: Readonly<Record<string, string>>;
  /** The access token; null for an anonymous request. */
  readonly token?: string | null;
  readonly method?: 'GET' | 'POST';
}

async function send(body: Body | string, options: Options = {}) {
  const { headers = {}, token = user.accessToken, method = 'POST' } = options;
  const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
  const response =
    method === 'GET'
      ? await fetch(`${service.address}/graphql?${searchOf(body)}`, {
          headers: { 'apollo-require-preflight': 'true', ...authorization, ...headers },
        })
      : await fetch(`${service.address}/graphql`, {
          method,
          headers: { 'content-type': 'application/json', ...authorization, ...headers },
          body: typeof body === 'string' ? body : JSON.stringify(body),
        });
  const { date: _, 'x-request-id': _id, ...compared } = Object.fromEntries(response.headers);
  return { status: response.status, headers: compared, text: await response.text() };
}

/** Values of type string are sent as they are, others as JSON. */
function searchOf(body: Body | string): string {
  const texts = Object.entries(body).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  return new URLSearchParams(texts).toString();
}

const apollo = () => vi.spyOn(ApolloServer.prototype, 'executeHTTPGraphQLRequest');

/** Makes a document unknown. The locations of its parts stay the same. */
let blanks = 1;
const unknown = (query: string) => query + ' '.repeat(blanks++);

/** Sends a request by Apollo and as a prepared one, and compares the responses. */
async function sendTwice(body: Body & { readonly query: string }, options?: Options) {
  const sent = { ...body, query: unknown(body.query) };
  const calls = apollo().mockClear();
  const first = await send(sent, options);
  expect(calls).toHaveBeenCalledTimes(1);
  const second = await send(sent, options);
  expect(calls).toHaveBeenCalledTimes(1);
  expect(second).toEqual(first);
  return { ...first, ...JSON.parse(first.text) };
}

const json = 'application/json; charset=utf-8';
const graphqlJson = 'application/graphql-response+json; charset=utf-8';

const documents = {
  me: 'query Me { me { id email fullName ...Rest } } fragment Rest on User { groups { name } lastLoginAt }',
  hasPermission:
    'query HasPermission($permission: String!) { hasPermission(permission: $permission) }',
  users: 'query Users($first: Int) { users(first: $first) { nodes { sessions { id } } } }',
  login: `mutation Login($input: LoginInput!) {
    login(input: $input) { __typename ... on TokenPair { user { email } } ... on Problem { code message } }
  }`,
} as const;

/** Requests as clients send them: additions to the body, the Accept header, and the type of the response. */
const clients = {
  'Apollo Client 4': {
    added: { extensions: { clientLibrary: { name: '@apollo/client', version: '4.3.8' } } },
    accept: 'application/graphql-response+json,application/json;q=0.9',
    type: graphqlJson,
    hasName: true,
    method: 'POST',
  },
  'Apollo Client 3': {
    added: { extensions: { clientLibrary: { name: '@apollo/client', version: '3.14.0' } } },
    accept:
      'application/graphql-response+json,application/json;q=0.9,multipart/mixed;deferSpec=20220824;q=0.8',
    type: graphqlJson,
    hasName: true,
    method: 'POST',
  },
  'urql 6 by GET': {
    added: {},
    accept:
      'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
    type: graphqlJson,
    hasName: true,
    method: 'GET',
  },
  'urql 6 by POST': {
    added: {},
    accept:
      'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
    type: graphqlJson,
    hasName: true,
    method: 'POST',
  },
  'graphql-request 7': {
    added: {},
    accept: 'application/graphql-response+json, application/json',
    type: graphqlJson,
    hasName: true,
    method: 'POST',
  },
  'fetch and curl': { added: {}, accept: '*/*', type: json, hasName: false, method: 'POST' },
  axios: {
    added: { operationName: null },
    accept: 'application/json, text/plain, */*',
    type: json,
    hasName: false,
    method: 'POST',
  },
  'a client of JSON only': {
    added: {},
    accept: 'application/json',
    type: json,
    hasName: false,
    method: 'POST',
  },
} as const;

describe.each(Object.entries(clients))(
  '%s',
  (_client, { added, accept, type, hasName, method }) => {
    const options = { headers: { accept }, method };
    const bodyOf = (query: string, operationName: string, variables: object) => ({
      ...(hasName ? { operationName } : {}),
      variables,
      ...added,
      query,
    });

    test('a query', async () => {
      const response = await sendTwice(bodyOf(documents.me, 'Me', {}), options);
      expect(response.status).toBe(200);
      expect(response.headers['content-type']).toBe(type);
      expect(response.data.me).toMatchObject({ id: user.userId, groups: [] });
    });

    test('a query with variables', async () => {
      const variables = { permission: 'users.view_user' };
      const body = bodyOf(documents.hasPermission, 'HasPermission', variables);
      const { data } = await sendTwice(body, options);
      expect(data).toEqual({ hasPermission: false });
    });

    test.each([
      [{ permission: ['x'] }, 'Has the wrong type.'],
      [{}, 'Has the wrong type.'],
      [{ permission: null }, 'Has the wrong type.'],
    ])('variables of a wrong type: %j', async (variables, fault) => {
      const body = bodyOf(documents.hasPermission, 'HasPermission', variables);
      const { status, headers, errors, data } = await sendTwice(body, options);
      expect(status).toBe(accept === 'application/json' ? 200 : 400);
      expect(headers['content-type']).toBe(type);
      const fields = [{ path: 'permission', message: fault }];
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', fields } }]);
      expect(data).toBeUndefined();
    });

    test.each([
      ['depth', JSON.parse('['.repeat(12) + ']'.repeat(12))],
      ['length', Array(501).fill(1)],
    ])('variables over the limit of %s', async (_limit, other) => {
      const variables = { permission: 'x', other };
      const body = bodyOf(documents.hasPermission, 'HasPermission', variables);
      const { status, errors } = await sendTwice(body, options);
      expect([status, errors[0].extensions.code]).toEqual([400, 'BAD_USER_INPUT']);
    });

    test('a cost over the limit because of a variable', async () => {
      const sent = {
        ...bodyOf(documents.users, 'Users', { first: 1 }),
        query: unknown(documents.users),
      };
      const first = await send(sent, options);
      expect(JSON.parse(first.text).errors[0].extensions.code).toBe('FORBIDDEN');
      const calls = apollo().mockClear();
      const expensive = await send({ ...sent, variables: { first: 100 } }, options);
      expect(calls).not.toHaveBeenCalled();
      expect(expensive.status).toBe(400);
      expect(expensive.text).toContain('too expensive');
    });

    test('an anonymous request, an invalid token, and a denied operation', async () => {
      const body = bodyOf(documents.me, 'Me', {});
      const anonymous = await sendTwice(body, { ...options, token: null });
      expect([anonymous.status, anonymous.data]).toEqual([200, null]);
      expect(anonymous.errors[0].extensions).toEqual({ code: 'UNAUTHENTICATED' });
      const invalid = await sendTwice(body, { ...options, token: 'x' });
      expect([invalid.status, invalid.headers['www-authenticate']]).toEqual([
        401,
        'Bearer error="invalid_token"',
      ]);
      expect(invalid.errors[0].extensions).toEqual({ code: 'UNAUTHENTICATED' });
      expect(invalid.headers['content-type']).toBe(type);
      const denied = await sendTwice(bodyOf(documents.users, 'Users', { first: 1 }), options);
      expect([denied.status, denied.errors[0].extensions.code]).toEqual([200, 'FORBIDDEN']);
    });

    // Every client sends a mutation by POST.
    test('a login with the right and with a wrong password', async () => {
      for (const password of [goodPassword, 'not the password']) {
        const input = { email: user.email, password };
        const body = bodyOf(documents.login, 'Login', { input });
        const { data } = await sendTwice(body, { ...options, method: 'POST', token: null });
        const expected = password === goodPassword ? 'TokenPair' : 'Problem';
        expect(data.login.__typename).toBe(expected);
      }
    });
  },
);

describe('a prepared document', () => {
  test('has at most three errors', async () => {
    const required = 'query ($a: String!, $b: String!, $c: String!, $d: String!)';
    const fields = ['a', 'b', 'c', 'd'].map((name) => `${name}: hasGroup(name: $${name})`);
    const wrong = await sendTwice({ query: `${required} { ${fields.join(' ')} }` });
    expect(wrong.errors).toHaveLength(3);
  });

  test('masks an unexpected error, which is logged', async () => {
    const query = '{ me { sessions { id } } }';
    const known = unknown(query);
    await send({ query: known });
    await service.database.query('alter table sessions rename to hidden');
    onTestFinished(async () => {
      await service.database.query('alter table hidden rename to sessions');
    });
    const lines = service.logLines.length;
    const calls = apollo().mockClear();
    const responses = [await send({ query: known }), await send({ query: unknown(query) })];
    expect(calls).toHaveBeenCalledTimes(1);
    const texts = responses.map(({ text }) => text.replace(/"requestId":"[^"]+"/, ''));
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]).toContain('"code":"INTERNAL"');
    expect(texts[0]).not.toContain('sessions" does');
    const logged = service.logLines
      .slice(lines)
      .filter((line) => line.includes('unexpected error'));
    expect(logged).toHaveLength(2);
  });

  test('has other directives for other variables', async () => {
    const query = unknown('query ($isFull: Boolean!) { me { id email @include(if: $isFull) } }');
    const emails: unknown[] = [];
    for (const isFull of [true, false, true]) {
      const { text } = await send({ query, variables: { isFull } });
      emails.push(JSON.parse(text).data.me.email);
    }
    expect(emails).toEqual([user.email, undefined, user.email]);
  });

  test('is found by the exact name of its operation', async () => {
    const query = unknown('query A { a: __typename } query B { b: __typename }');
    for (const [operationName, alias] of [
      ['A', 'a'],
      ['B', 'b'],
      ['A', 'a'],
    ] as const) {
      const { text } = await send({ query, operationName });
      expect(JSON.parse(text).data).toEqual({ [alias]: 'Query' });
    }
    const calls = apollo().mockClear();
    for (const operationName of ['', 'C', 'a', '__proto__', 'A\0', null, undefined]) {
      const { status, text } = await send({ query, operationName });
      expect([status, JSON.parse(text).errors[0].extensions.code]).toEqual([
        400,
        'OPERATION_RESOLUTION_FAILURE',
      ]);
    }
    expect(calls).toHaveBeenCalledTimes(7);
  });

  test('of a mutation is refused by GET', async () => {
    const query = unknown('mutation { logoutEverywhere { __typename } }');
    await send({ query }, { token: null });
    const response = await send({ query }, { method: 'GET' });
    expect([response.status, response.headers.allow]).toEqual([405, 'POST']);
    const { text } = await send({ query: '{ me { id } }' });
    expect(JSON.parse(text).data.me.id).toBe(user.userId);
  });

  test('by GET needs a header that causes a preflight', async () => {
    const query = unknown('{ __typename }');
    await send({ query });
    const response = await fetch(`${service.address}/graphql?${searchOf({ query })}`);
    expect([response.status, await response.text()]).toEqual([
      400,
      expect.stringContaining('CSRF'),
    ]);
  });
});

describe('Apollo handles, also for a prepared document,', () => {
  const body = { query: documents.hasPermission, variables: { permission: 'users.view_user' } };

  test.each<[string, Body | string, Options?]>([
    ['variables as text', { ...body, variables: '{"permission":"x"}' }],
    ['variables as a list', { ...body, variables: [1] }],
    ['extensions as text', { ...body, extensions: '{}' }],
    ['extensions as a list', { ...body, extensions: [] }],
    ['an operation name that is no text', { ...body, operationName: 7 }],
    ['the id of a persisted query', { ...body, extensions: { persistedQuery: { version: 1 } } }],
    ['a batch', JSON.stringify([body])],
    ['a query that is no text', { ...body, query: { kind: 'Document' } }],
    ['variables of a GET that are no JSON', { ...body, variables: '{' }, { method: 'GET' }],
    ['variables of a GET that are null', { ...body, variables: 'null' }, { method: 'GET' }],
  ])('%s', async (_what, request, options) => {
    await send(body);
    const calls = apollo().mockClear();
    const prepared = await send(request, options);
    expect(calls).toHaveBeenCalledTimes(1);
    const isPersisted = prepared.text.includes('PERSISTED_QUERY_NOT_SUPPORTED');
    expect([prepared.status >= 400 || isPersisted, prepared.text]).toEqual([
      true,
      expect.stringContaining('"errors"'),
    ]);
  });

  test.each([
    ['an invalid document', '{ nothing }'],
    ['a malformed document', '{'],
    ['a document over the limit of tokens', `{ ${'__typename '.repeat(1001)} }`],
    ['introspection', '{ __schema { nothing } }'],
  ])('%s each time', async (_what, text) => {
    const query = unknown(text);
    const calls = apollo().mockClear();
    const first = await send({ query });
    expect(await send({ query })).toEqual(first);
    expect(first.status).toBe(400);
    expect(calls).toHaveBeenCalledTimes(2);
  });

  test('a form, which a browser sends without a preflight', async () => {
    const query = unknown('{ __typename }');
    await send({ query });
    // Only a body of unknown length reaches the handler.
    const chunked = new Blob([searchOf({ query })]).stream();
    const response = await fetch(`${service.address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: chunked,
      duplex: 'half',
    });
    const text = await response.text();
    expect([response.status, text]).toEqual([400, expect.stringContaining('CSRF')]);
  });

  test('a document that other documents have replaced', async () => {
    const query = unknown('{ __typename }');
    await send({ query });
    const others = Array.from({ length: 25 }, (_, index) => `{ a${index}: __typename }`);
    for (const other of others) await send({ query: other.padEnd(5_000) });
    const calls = apollo().mockClear();
    await send({ query });
    expect(calls).toHaveBeenCalledTimes(1);
  });
});
