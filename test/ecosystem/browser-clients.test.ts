/** The link of Apollo Client 4 and the exchange of urql 6 of `@gatehouse-auth/client`, with the real packages. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { installPackages } from '../support/install-packages.ts';
import { goodPassword, somebody } from '../support/people.ts';
import { load, type Module, watchRequests } from '../support/recipes.ts';
import { startService, type TestService } from '../support/service.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;
let service: TestService;
let gatehouse: Module;

beforeAll(async () => {
  folder = installPackages(fileURLToPath(new URL('./browser-clients', import.meta.url)));
  const installed = join(folder, 'node_modules/@gatehouse-auth/client');
  rmSync(installed, { recursive: true, force: true });
  mkdirSync(installed, { recursive: true });
  for (const name of ['package.json', 'dist'])
    cpSync(join(root, 'packages/client', name), join(installed, name), { recursive: true });
  service = await startService();
}, 300_000);
afterAll(() => service.close());

beforeEach(async () => {
  const { createClient } = load(folder, '@gatehouse-auth/client');
  gatehouse = createClient({ url: service.address, transport: 'memory' });
});
afterEach(() => {
  gatehouse.close();
  vi.restoreAllMocks();
});

async function logIn(): Promise<string> {
  const { email } = await somebody(service);
  await gatehouse.login({ email, password: goodPassword });
  return email;
}

/** The service then refuses the access tokens, which the client takes for valid. */
const expireTokens = () => service.advance(400);

const names = ['email', 'fullName', 'status', 'isStaff', 'createdAt'] as const;
const queryOf = (name: string) => `query Q${name} { me { id ${name} } }`;
const url = () => `${service.address}/graphql`;

const createApolloClient = () => {
  const { ApolloClient, ApolloLink, HttpLink, InMemoryCache } = load(folder, '@apollo/client');
  const { createAuthLink } = load(folder, '@gatehouse-auth/client/apollo');
  return new ApolloClient({
    link: ApolloLink.from([createAuthLink(gatehouse), new HttpLink({ uri: url() })]),
    cache: new InMemoryCache(),
  });
};
const createUrqlClient = () => {
  const { cacheExchange, Client, fetchExchange } = load(folder, '@urql/core');
  const { authExchange } = load(folder, '@gatehouse-auth/client/urql');
  const exchanges = [cacheExchange, authExchange(gatehouse), fetchExchange];
  return new Client({ url: url(), exchanges, preferGetMethod: false });
};

type Answer = { readonly data?: Module; readonly error?: Module };

/** One query with either client. */
const apolloQuery = (client = createApolloClient()) => {
  const { gql } = load(folder, '@apollo/client');
  return (text: string): Promise<Answer> =>
    client.query({ query: gql(text), errorPolicy: 'all', fetchPolicy: 'network-only' });
};
const urqlQuery = (client = createUrqlClient()) => {
  return (text: string): Promise<Answer> =>
    client.query(text, {}, { requestPolicy: 'network-only' }).toPromise();
};

describe.each([
  ['the link of Apollo Client 4', () => apolloQuery()],
  ['the exchange of urql 6', () => urqlQuery()],
] as const)('%s', (_name, open) => {
  test('sends the token, and refreshes it once for five parallel queries', async () => {
    const email = await logIn();
    const query = open();
    expect((await query(queryOf('email'))).data.me.email).toBe(email);
    const requests = watchRequests();
    expireTokens();
    const results = await Promise.all(names.map((name) => query(queryOf(name))));
    expect(results.map(({ error }) => error)).toEqual(names.map(() => undefined));
    expect(results[0]?.data.me.email).toBe(email);
    expect(requests(/mutation Refresh/)).toHaveLength(1);
    expect(requests(/query Q/)).toHaveLength(10);
  });

  test('repeats an operation that is refused within a response of 200, once', async () => {
    await logIn();
    const query = open();
    const original = globalThis.fetch;
    const refusal = { errors: [{ message: 'no', extensions: { code: 'UNAUTHENTICATED' } }] };
    const isRefresh = (init: RequestInit | undefined) => String(init?.body).includes('Refresh');
    const spy = vi
      .spyOn(globalThis, 'fetch')
      .mockImplementation(async (input, init) =>
        isRefresh(init) ? original(input, init) : Response.json(refusal),
      );
    const { error } = await query(queryOf('email'));
    expect(JSON.stringify(error)).toContain('no');
    expect(spy.mock.calls.map(([, init]) => isRefresh(init))).toEqual([false, true, false]);
  });

  test('sends an anonymous operation without a token, and does not repeat it', async () => {
    const query = open();
    const requests = watchRequests();
    const { error } = await query(queryOf('email'));
    expect(String(error)).toMatch(/access token/);
    expect(requests()).toHaveLength(1);
  });

  test('results in an error if the refresh fails, and works later', async () => {
    await logIn();
    const query = open();
    expireTokens();
    const original = globalThis.fetch;
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (String(init?.body).includes('Refresh')) throw new TypeError('no network');
      return original(input, init);
    });
    const failure = await query(queryOf('email')).catch((error: unknown) => ({ error }));
    expect(String(failure.error)).toContain('does not answer');
    vi.restoreAllMocks();
    const { data } = await query(queryOf('email'));
    expect(data.me.id).toBe(gatehouse.user.id);
  });
});

test.each([
  ['js apollo-client', apolloQuery],
  ['js urql-client', urqlQuery],
] as const)('the block `%s` of docs/browser-apps.md works', async (info, queryWith) => {
  const directory = mkdtempSync(join(folder, 'recipe-'));
  const text = blocksOf('docs/browser-apps.md').find((block) => block.info === info)?.text ?? '';
  const session = `import { createClient } from '@gatehouse-auth/client';
    export const gatehouse = createClient({ url: 'http://localhost:4000', transport: 'memory' });`;
  const files = { 'gatehouse.js': session, 'client.js': text };
  for (const [name, content] of Object.entries(files))
    writeFileSync(
      join(directory, name),
      content.replaceAll('http://localhost:4000', service.address),
    );
  const { gatehouse: own } = load(directory, './gatehouse.js');
  const query = queryWith(load(directory, './client.js').client);
  const { email } = await somebody(service);
  await own.login({ email, password: goodPassword });
  expireTokens();
  expect((await query(queryOf('email'))).data.me.email).toBe(email);
  own.close();
  rmSync(directory, { recursive: true });
});

test('a query of Apollo Client that ends early is not repeated', async () => {
  await logIn();
  const client = createApolloClient();
  const { gql } = load(folder, '@apollo/client');
  const requests = watchRequests();
  expireTokens();
  const subscription = client
    .watchQuery({ query: gql(queryOf('email')), fetchPolicy: 'network-only' })
    .subscribe(() => {});
  subscription.unsubscribe();
  await gatehouse.refresh();
  expect(requests(/query Q/)).toHaveLength(0);
});

test('identical mutations of urql at the same time have a result each', async () => {
  await logIn();
  const client = createUrqlClient();
  expireTokens();
  const document = 'mutation { updateProfile(input: { firstName: "Grace" }) { __typename } }';
  const results = await Promise.all([
    client.mutation(document, {}).toPromise(),
    client.mutation(document, {}).toPromise(),
  ]);
  expect(results.map(({ data }) => data?.updateProfile.__typename)).toEqual(['User', 'User']);
});

test('the sources compile with the types of the real packages, and so do apps', () => {
  const directory = join(folder, 'types');
  rmSync(directory, { recursive: true, force: true });
  cpSync(join(root, 'packages/client/src'), directory, {
    recursive: true,
    filter: (source) => !source.endsWith('peers.d.ts'),
  });
  writeFileSync(join(directory, 'app.ts'), app);
  const options = {
    ...{ target: 'es2022', module: 'nodenext', strict: true, noEmit: true, types: [] },
    ...{ lib: ['es2022', 'dom', 'dom.iterable', 'dom.asynciterable'], skipLibCheck: true },
    ...{ allowImportingTsExtensions: true, exactOptionalPropertyTypes: true },
    noUncheckedIndexedAccess: true,
  };
  const project = join(directory, 'tsconfig.json');
  writeFileSync(project, JSON.stringify({ compilerOptions: options, include: ['*.ts'] }));
  const compile = () =>
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], {
      encoding: 'utf8',
    });
  expect(compile()).toBe('');
  writeFileSync(join(directory, 'wrong.ts'), wrong);
  const output = () => {
    try {
      return compile();
    } catch (error) {
      return String((error as { stdout: string }).stdout); // as: of execFileSync
    }
  };
  expect(output().match(/wrong\.ts\(\d+/g)).toEqual(['wrong.ts(3', 'wrong.ts(5']);
});

/** An app that uses the published declarations. */
const app = `
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { cacheExchange, Client, fetchExchange } from '@urql/core';
import { createClient, GatehouseError, type User } from '@gatehouse-auth/client';
import { createAuthLink } from '@gatehouse-auth/client/apollo';
import { authExchange } from '@gatehouse-auth/client/urql';

const uri = 'http://localhost:4000/graphql';
export const gatehouse = createClient({ url: 'http://localhost:4000', transport: 'cookie' });
const link = ApolloLink.from([createAuthLink(gatehouse), new HttpLink({ uri })]);
export const apollo = new ApolloClient({ link, cache: new InMemoryCache() });
const exchanges = [cacheExchange, authExchange(gatehouse), fetchExchange];
export const urql = new Client({ url: uri, exchanges });

export async function logIn(email: string, password: string): Promise<User | string> {
  try {
    const result = await gatehouse.login({ email, password });
    if (result.__typename === 'TokenPair') return result.user;
    return result.code === 'VALIDATION_FAILED' ? (result.fields[0]?.path ?? '') : result.message;
  } catch (error) {
    if (error instanceof GatehouseError) return error.code + error.retryAfter;
    throw error;
  }
}
`;

const wrong = `import { gatehouse } from './app.ts';
const result = await gatehouse.login({ email: '', password: '' });
result.user;
if (result.__typename === 'Problem')
  result.code === 'NO_SUCH_CODE';
export {};
`;
