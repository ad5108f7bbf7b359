/** Published GraphQL clients against a service, with the recipes of docs/graphql.md. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { installPackages } from '../support/install-packages.ts';
import { schemaText } from '../support/operations.ts';
import { somebody } from '../support/people.ts';
import { load, runRecipe, watchRequests } from '../support/recipes.ts';
import { startService, type TestService } from '../support/service.ts';

let folder: string;
let service: TestService;

beforeAll(async () => {
  folder = installPackages(fileURLToPath(new URL('./graphql-clients', import.meta.url)));
  service = await startService();
  return () => service.close();
}, 300_000);
afterEach(() => {
  vi.restoreAllMocks();
});

/** After this time the access tokens have expired, and the sessions have not. */
const expireTokens = () => service.advance(400);

/** Fields of `me` that the cache of a client does not have yet. */
const names = ['email', 'fullName', 'status', 'isStaff', 'createdAt'] as const;
const queryOf = (name: string) => `query Q${name} { me { id ${name} } }`;

const url = () => `${service.address}/graphql`;

describe('Apollo Client 4', () => {
  test('five parallel queries with an expired token refresh it once and succeed', async () => {
    const { module, email } = await runRecipe('js apollo', folder, service);
    const { gql } = load(folder, '@apollo/client');
    const requests = watchRequests();
    expireTokens();
    const results = await Promise.all(
      names.map((name) => module.client.query({ query: gql(queryOf(name)) })),
    );
    expect(results.map(({ error }) => error)).toEqual(names.map(() => undefined));
    expect(results[0].data.me.email).toBe(email);
    expect(requests(/mutation Refresh/)).toHaveLength(1);
    expect(requests(/query Q/)).toHaveLength(10);
  });

  /** A client without links. */
  const plainClient = (options: object = {}) => {
    const { ApolloClient, HttpLink, InMemoryCache } = load(folder, '@apollo/client');
    const link = new HttpLink({ uri: url(), ...options });
    return new ApolloClient({ link, cache: new InMemoryCache() });
  };

  test('reads the errors of 401, 400 and 413', async () => {
    const { gql, CombinedGraphQLErrors } = load(folder, '@apollo/client');
    const headers = { authorization: 'Bearer x' };
    const codeOf = async (query: string, options?: object) => {
      const result = plainClient(options).query({ query: gql(query), errorPolicy: 'all' });
      const { error } = await result;
      return [CombinedGraphQLErrors.is(error), error.errors[0].extensions.code];
    };
    expect(await codeOf('{ me { id } }', { headers })).toEqual([true, 'UNAUTHENTICATED']);
    expect(await codeOf('{ nothing }')).toEqual([true, 'GRAPHQL_VALIDATION_FAILED']);
    const large = `{ me { id ${'email '.repeat(20_000)} } }`;
    expect(await codeOf(large)).toEqual([true, 'BAD_REQUEST']);
  });
});

test('Apollo Client 3 reads the code of a 401', async () => {
  const { ApolloClient, HttpLink, InMemoryCache, gql } = load(folder, 'apollo-client-3/core');
  const { onError } = load(folder, 'apollo-client-3/link/error');
  const codes: unknown[] = [];
  const link = onError(
    ({ graphQLErrors }: { readonly graphQLErrors?: readonly { extensions: object }[] }) => {
      codes.push(...(graphQLErrors ?? []).map(({ extensions }) => extensions));
    },
  );
  const http = new HttpLink({ uri: url(), headers: { authorization: 'Bearer x' } });
  const client = new ApolloClient({ link: link.concat(http), cache: new InMemoryCache() });
  await expect(client.query({ query: gql('{ me { id } }') })).rejects.toThrow();
  expect(codes).toEqual([{ code: 'UNAUTHENTICATED' }]);
});

describe('urql', () => {
  test('sends queries by GET, and refreshes an expired token once', async () => {
    const { module, email } = await runRecipe('js urql', folder, service);
    const first = await module.client.query(queryOf('email'), {}).toPromise();
    expect(first.data.me.email).toBe(email);
    const requests = watchRequests();
    expireTokens();
    const results = await Promise.all(
      names.slice(1).map((name) => module.client.query(queryOf(name), {}).toPromise()),
    );
    expect(results.map(({ error }) => error)).toEqual(names.slice(1).map(() => undefined));
    expect(results[0].data.me.fullName).toBe('Ada Lovelace');
    expect(requests(/mutation Refresh/)).toHaveLength(1);
    expect(new Set(requests(/query Q/).map(({ method }) => method))).toEqual(new Set(['GET']));
  });
});

test('graphql-request refreshes an expired token once for five requests, and reads errors', async () => {
  const { module, email } = await runRecipe('js graphql-request', folder, service);
  const requests = watchRequests();
  expireTokens();
  const results = await Promise.all(names.map((name) => module.client.request(queryOf(name))));
  expect(results[0].me.email).toBe(email);
  expect(requests(/mutation Refresh/)).toHaveLength(1);
  const { request } = load(folder, 'graphql-request');
  const refused = request(url(), '{ me { id } }', {}, { authorization: 'Bearer x' });
  const errors = [{ message: expect.any(String), extensions: { code: 'UNAUTHENTICATED' } }];
  await expect(refused).rejects.toMatchObject({ response: { status: 401, errors } });
});

test('Relay refreshes an expired token once for five requests', async () => {
  const { module, email } = await runRecipe('js relay', folder, service);
  const network = module.environment.getNetwork();
  const requests = watchRequests();
  expireTokens();
  const results = await Promise.all(
    names.map((name) => {
      const text = queryOf(name);
      const parameters = {
        id: null,
        cacheID: text,
        name: `Q${name}`,
        operationKind: 'query',
        text,
      };
      return network.execute(parameters, {}, { force: true }).toPromise();
    }),
  );
  expect(results[0].data.me.email).toBe(email);
  expect(results.map(({ errors }) => errors)).toEqual(names.map(() => undefined));
  expect(requests(/mutation Refresh/)).toHaveLength(1);
});

describe('introspection', () => {
  const typesOf = (sdl: string) =>
    [...sdl.matchAll(/^(?:type|union|input|enum) (\w+)/gm)].map(([, name]) => name).sort();

  /** With the types of a subgraph, which the schema file does not have. */
  const expected = [...typesOf(schemaText), '_Entity', '_Service'].sort();

  test('url-loader of GraphQL Tools loads the schema', async () => {
    const { loadSchema } = load(folder, '@graphql-tools/load');
    const { UrlLoader } = load(folder, '@graphql-tools/url-loader');
    const { printSchema } = load(folder, 'graphql');
    for (const method of ['POST', 'GET']) {
      const headers = { authorization: `Bearer ${(await somebody(service)).accessToken}` };
      const schema = await loadSchema(url(), { loaders: [new UrlLoader()], method, headers });
      expect(typesOf(printSchema(schema))).toEqual(expected);
    }
  });

  test('get-graphql-schema prints the schema', async () => {
    const command = join(folder, 'node_modules/get-graphql-schema/dist/index.js');
    const { stdout } = await promisify(execFile)(process.execPath, [command, url()], {
      maxBuffer: 10_000_000,
    });
    expect(typesOf(stdout)).toEqual(expected);
  });
});

test('villus sends the token, and reads the code of a 401', async () => {
  const { createClient, defaultPlugins } = load(folder, 'villus');
  const { accessToken, email } = await somebody(service);
  const clientWith = (token: string) => {
    const authorize = ({ opContext }: { readonly opContext: { headers: Headers } }) =>
      Object.assign(opContext.headers, { Authorization: `Bearer ${token}` });
    return createClient({ url: url(), use: [authorize, ...defaultPlugins()] });
  };
  const query = queryOf('email');
  const { data } = await clientWith(accessToken).executeQuery({ query });
  expect(data.me.email).toBe(email);
  const { error } = await clientWith('x').executeQuery({ query });
  expect(error.graphqlErrors[0].extensions).toEqual({ code: 'UNAUTHENTICATED' });
});

test.each(['POST', 'GET'])('graphql-hooks sends queries by %s', async (method) => {
  const requests = watchRequests();
  const { GraphQLClient } = load(folder, 'graphql-hooks');
  const { accessToken, email } = await somebody(service);
  const headers = { Authorization: `Bearer ${accessToken}` };
  const client = new GraphQLClient({ url: url(), headers, fetchOptions: { method } });
  expect((await client.request({ query: queryOf('email') })).data.me.email).toBe(email);
  expect(requests(/query Q/).map((request) => request.method)).toEqual([method]);
});
