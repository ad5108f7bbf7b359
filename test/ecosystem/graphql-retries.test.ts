/** Published GraphQL clients that wait and repeat a request, as THROTTLED and OVERLOADED ask them to. */
import { fileURLToPath } from 'node:url';
import { Client as PgClient } from 'pg';
import { afterEach, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { installPackages } from '../support/install-packages.ts';
import { somebody } from '../support/people.ts';
import { load, runRecipe, watchRequests } from '../support/recipes.ts';
import { startService, type TestService } from '../support/service.ts';

let folder: string;
let service: TestService;
/** Another process of the same service, with a short request timeout. */
let withShortTimeout: TestService;

beforeAll(async () => {
  folder = installPackages(fileURLToPath(new URL('./graphql-clients', import.meta.url)));
  service = await startService({ environment: { RATE_LIMITS: 'account-network=2/3600' } });
  const { database, mail } = service;
  const httpLimits = { answerMilliseconds: 1500 };
  withShortTimeout = await startService({ database, mail, httpLimits });
  return async () => {
    await withShortTimeout.close();
    await service.close();
  };
}, 300_000);
afterEach(() => {
  vi.restoreAllMocks();
});

/** Locks the sessions, so that the next request that reads them has the response OVERLOADED. */
async function lockSessions(): Promise<() => Promise<void>> {
  const client = new PgClient({ connectionString: service.database.url });
  await client.connect();
  await client.query('begin');
  await client.query('lock table sessions in access exclusive mode');
  onTestFinished(() => client.end());
  return async () => {
    await client.query('rollback');
  };
}

const sessionsQuery = 'query Sessions { me { id sessions { id } } }';

test('Apollo Client reads the time to wait of THROTTLED, in the error and in the header', async () => {
  const { ApolloClient, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } = load(
    folder,
    '@apollo/client',
  );
  const { email } = await somebody(service);
  const mutation = gql('mutation ($i: LoginInput!) { login(input: $i) { __typename } }');
  const waits: (string | null)[] = [];
  const recordingFetch = async (input: string, init: RequestInit) => {
    const response = await fetch(input, init);
    waits.push(response.headers.get('retry-after'));
    return response;
  };
  const client = new ApolloClient({
    link: new HttpLink({ uri: `${service.address}/graphql`, fetch: recordingFetch }),
    cache: new InMemoryCache(),
  });
  const variables = { i: { email, password: 'wrong' } };
  let error: unknown;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    ({ error } = await client.mutate({ mutation, variables, errorPolicy: 'all' }));
  }
  if (!CombinedGraphQLErrors.is(error)) throw new Error('another error');
  const [shown] = (error as unknown as { errors: { extensions: Record<string, unknown> }[] })
    .errors;
  expect(shown?.extensions).toEqual({ code: 'THROTTLED', retryAfter: expect.any(Number) });
  expect(waits.at(-1)).toBe(String(shown?.extensions.retryAfter));
});

test('Apollo Client repeats a query that was answered OVERLOADED after the time to wait', async () => {
  const { module } = await runRecipe('js apollo', folder, withShortTimeout, service);
  const { gql } = load(folder, '@apollo/client');
  const requests = watchRequests();
  const release = await lockSessions();
  const result = module.client.query({ query: gql(sessionsQuery) });
  await vi.waitFor(() => expect(requests(/query Sessions/).length).toBeGreaterThan(1), 20_000);
  await release();
  expect((await result).data.me.sessions).toHaveLength(2);
});

test('RetryLink of Apollo Client repeats a query of a client that accepts application/json only', async () => {
  const { ApolloClient, HttpLink, InMemoryCache, ServerError, gql } = load(
    folder,
    '@apollo/client',
  );
  const { RetryLink } = load(folder, '@apollo/client/link/retry');
  const { accessToken } = await somebody(service);
  const waits: unknown[] = [];
  const retry = new RetryLink({
    attempts: { max: 10, retryIf: (error: unknown) => ServerError.is(error) },
    delay(_count: number, _operation: unknown, error: { readonly response: Response }) {
      waits.push([error.response.status, error.response.headers.get('retry-after')]);
      return Number(error.response.headers.get('retry-after')) * 1000;
    },
  });
  const headers = { accept: 'application/json', authorization: `Bearer ${accessToken}` };
  const http = new HttpLink({ uri: `${withShortTimeout.address}/graphql`, headers });
  const client = new ApolloClient({ link: retry.concat(http), cache: new InMemoryCache() });
  const release = await lockSessions();
  const result = client.query({ query: gql(sessionsQuery) });
  await vi.waitFor(() => expect(waits).toContainEqual([503, '1']), 20_000);
  await release();
  expect((await result).data.me.sessions).toHaveLength(1);
});

test('retryExchange of urql repeats a query that was answered OVERLOADED', async () => {
  const { Client, fetchExchange } = load(folder, '@urql/core');
  const { retryExchange } = load(folder, '@urql/exchange-retry');
  const { accessToken } = await somebody(service);
  const isOverloaded = ({ graphQLErrors }: { readonly graphQLErrors: readonly Coded[] }) =>
    graphQLErrors.some(({ extensions }) => extensions.code === 'OVERLOADED');
  const retry = retryExchange({ maxNumberAttempts: 20, retryIf: isOverloaded });
  const client = new Client({
    url: `${withShortTimeout.address}/graphql`,
    exchanges: [retry, fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${accessToken}` } },
  });
  const requests = watchRequests();
  const release = await lockSessions();
  const result = client.query(sessionsQuery, {}).toPromise();
  await vi.waitFor(() => expect(requests(/query Sessions/).length).toBeGreaterThan(1), 20_000);
  await release();
  expect((await result).data.me.sessions).toHaveLength(1);
});

interface Coded {
  readonly extensions: { readonly code?: string };
}
