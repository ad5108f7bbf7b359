/** The recorded requests of the clients are those that the benchmark sends. */
import { readFileSync } from 'node:fs';
import { buildSchema, parse, validate } from 'graphql';
import { expect, test } from 'vitest';
import { differences } from './clients/comparison.ts';
import {
  apolloClientRequest,
  type ClientRequest,
  clients,
  fromNetwork,
  type Operation,
  recorded,
  requestOf,
} from './clients/requests.ts';

const schema = buildSchema(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8'));
const operations: readonly Operation[] = ['me', 'login', 'refreshTokens', 'register'];
const values = {
  ACCESS_TOKEN: 'the.access.token',
  REFRESH_TOKEN: 'the-refresh-token',
  EMAIL: 'ada@example.com',
  PASSWORD: 'correct horse',
};
const all = clients.flatMap((client) =>
  operations.map((operation) => [client, operation] as const),
);

interface Operated {
  readonly query: string;
  readonly operationName?: string;
  readonly variables?: unknown;
}

/** The parameters of a GraphQL request, from its body or its query. */
function operated({ method, path, body }: ClientRequest): Operated {
  if (method === 'POST') return JSON.parse(body ?? '') as Operated; // a GraphQL request
  const search = new URL(path, 'http://127.0.0.1').searchParams;
  return {
    query: search.get('query') ?? '',
    operationName: search.get('operationName') ?? '',
    variables: JSON.parse(search.get('variables') ?? '{}'),
  };
}

test.each(all)('%s sends a valid %s with the values of the user', (client, operation) => {
  const request = requestOf(client, operation, values);
  const { query } = operated(request);
  expect(query).toContain(`${operation}`);
  expect(validate(schema, parse(query))).toEqual([]);
  const sent = JSON.stringify(request);
  expect(sent).not.toMatch(/"(EMAIL|PASSWORD)"|(ACCESS|REFRESH)_TOKEN/);
  const expected = {
    me: ['Bearer the.access.token'],
    login: ['ada@example.com', 'correct horse'],
    refreshTokens: ['the-refresh-token'],
    register: ['ada@example.com', 'correct horse'],
  }[operation];
  expect(expected.filter((value) => !sent.includes(value))).toEqual([]);
});

test('Apollo Client sends operationName, variables, extensions and query', () => {
  const { method, body = '', headers } = recorded['apollo-client'].me;
  expect(method).toBe('POST');
  expect(Object.keys(JSON.parse(body))).toEqual([
    'operationName',
    'variables',
    'extensions',
    'query',
  ]);
  expect(headers).toMatchObject({
    accept: 'application/graphql-response+json,application/json;q=0.9',
    'accept-language': '*',
    'sec-fetch-mode': 'cors',
  });
  expect(body).toContain('__typename');
});

test('urql sends a query by GET, with the header against cross-site requests', () => {
  const { method, path, headers } = recorded.urql.me;
  expect(method).toBe('GET');
  expect(path).toMatch(/^\/graphql\?query=/);
  expect(headers['apollo-require-preflight']).toBe('true');
  expect(recorded.urql.login.method).toBe('POST');
});

test('the bare request has only a document and the two necessary headers', () => {
  const { body = '', headers } = requestOf('bare', 'me', values);
  expect(Object.keys(JSON.parse(body))).toEqual(['query']);
  expect(Object.keys(headers).sort()).toEqual(['authorization', 'content-type']);
});

test('a request of another operation has the headers and the members of Apollo Client', () => {
  const document = 'query HasPermission { hasPermission(permission: "users.view_user") }';
  const request = apolloClientRequest(document, {}, 'the.access.token');
  const me = requestOf('apollo-client', 'me', values);
  expect(request.headers).toEqual(me.headers);
  expect(Object.keys(operated(request))).toEqual(Object.keys(operated(me)));
  expect(operated(request)).toMatchObject({ operationName: 'HasPermission', query: document });
});

test('each network has its own address', () => {
  const addresses = [0, 1, 255, 256, 65_536].map(
    (network) => fromNetwork(recorded.fetch.login, network).headers['X-Forwarded-For'],
  );
  expect(addresses).toEqual(['10.0.0.0', '10.0.0.1', '10.0.0.255', '10.0.1.0', '10.1.0.0']);
});

test('a recording differs by a changed header, body or operation, and not by the version of curl', () => {
  const text = JSON.stringify(recorded);
  const changed = (from: string, to: string) => {
    expect(text).toContain(from);
    return differences(recorded, JSON.parse(text.replaceAll(from, to)));
  };
  const version = recorded.curl.me.headers['User-Agent'] ?? '';
  expect(changed(version, 'curl/99.1.0')).toEqual([]);
  expect(changed('gzip, deflate', 'gzip, br')).toContain('login of apollo-client');
  expect(changed('isEmailVerified', 'isVerified')).toContain('me of curl');
  expect(changed('getSession', 'session')).toEqual(
    expect.arrayContaining(['getSession of better-auth', 'session of better-auth']),
  );
});
