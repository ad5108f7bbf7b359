/** Documents by id, from the manifests of published tools and as published clients send them. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { installPackages } from '../support/install-packages.ts';
import { schemaText } from '../support/operations.ts';
import { goodPassword, somebody } from '../support/people.ts';
import {
  createApplication,
  load,
  type Module,
  runRecipe,
  watchRequests,
} from '../support/recipes.ts';
import { startService, type TestService } from '../support/service.ts';

let folder: string;
/** Accepts every document. */
let open: TestService;

beforeAll(async () => {
  folder = installPackages(fileURLToPath(new URL('./graphql-clients', import.meta.url)));
  open = await startService();
  return () => open.close();
}, 300_000);
afterEach(() => {
  vi.restoreAllMocks();
});

/** Executes a command of a package. */
function execute(command: string, args: readonly string[], cwd: string): void {
  execFileSync(process.execPath, [join(folder, 'node_modules', command), ...args], { cwd });
}

const sha256Of = (text: string) => createHash('sha256').update(text).digest('hex');

function startWith(manifest: string): Promise<TestService> {
  const environment = { TRUSTED_DOCUMENTS: manifest };
  return startService({ database: open.database, mail: open.mail, environment });
}

const me = 'query Me { me { id email } }';
const other = 'query Other { me { fullName } }';
const relayQuery = 'query queriesMeQuery { me { id email } }';
const relayMutation = `mutation queriesRenameMutation($input: UpdateProfileInput!) {
  updateProfile(input: $input) { ... on User { fullName } }
}`;
const login = `mutation Login($input: LoginInput!) {
  login(input: $input) { __typename ... on TokenPair { user { id } } }
}`;

describe('Apollo Client with the manifest of generate-persisted-query-manifest', () => {
  let manifest: string;

  beforeAll(() => {
    const source = [me, login].map((text, at) => `export const q${at} = gql\`${text}\`;\n`);
    const directory = createApplication(folder, {
      'src/queries.js': `import { gql } from '@apollo/client';\n${source.join('')}`,
    });
    const cli = '@apollo/generate-persisted-query-manifest/cli.js';
    execute(cli, ['--list-files'], directory);
    execute(cli, [], directory);
    manifest = join(directory, 'persisted-query-manifest.json');
  });

  const clientOf = (service: TestService, accessToken: string) => {
    const { ApolloClient, HttpLink, InMemoryCache } = load(folder, '@apollo/client');
    const { PersistedQueryLink } = load(folder, '@apollo/client/link/persisted-queries');
    const { generatePersistedQueryIdsFromManifest } = load(folder, '@apollo/persisted-query-lists');
    const persisted = new PersistedQueryLink(
      generatePersistedQueryIdsFromManifest({
        loadManifest: async () => JSON.parse(readFileSync(manifest, 'utf8')),
      }),
    );
    const headers = { authorization: `Bearer ${accessToken}` };
    const http = new HttpLink({ uri: `${service.address}/graphql`, headers });
    return new ApolloClient({ link: persisted.concat(http), cache: new InMemoryCache() });
  };

  test('sends ids only, and another operation is refused', async () => {
    await using service = await startWith(manifest);
    const { gql } = load(folder, '@apollo/client');
    const ada = await somebody(open);
    const client = clientOf(service, ada.accessToken);
    const requests = watchRequests();
    const result = await client.query({ query: gql(me) });
    expect(result.data.me.email).toBe(ada.email);
    const variables = { input: { email: ada.email, password: goodPassword } };
    const loggedIn = await client.mutate({ mutation: gql(login), variables });
    expect(loggedIn.data.login.user.id).toBe(ada.userId);
    expect(requests(/"query":/)).toEqual([]);
    const { error } = await client.query({ query: gql(other), errorPolicy: 'all' });
    expect(error).toBeDefined();
  });
});

test('automatic persisted queries of Apollo Client send the text to a service without a manifest', async () => {
  const { ApolloClient, HttpLink, InMemoryCache, gql } = load(folder, '@apollo/client');
  const { PersistedQueryLink } = load(folder, '@apollo/client/link/persisted-queries');
  const ada = await somebody(open);
  const headers = { authorization: `Bearer ${ada.accessToken}` };
  const http = new HttpLink({ uri: `${open.address}/graphql`, headers });
  for (const useGETForHashedQueries of [false, true]) {
    const persisted = new PersistedQueryLink({ sha256: sha256Of, useGETForHashedQueries });
    const cache = new InMemoryCache();
    const client = new ApolloClient({ link: persisted.concat(http), cache });
    const result = await client.query({ query: gql(me) });
    expect(result.data.me.email).toBe(ada.email);
  }
});

test.each(['MD5', 'SHA256'])(
  'Relay sends the ids of persistConfig only, with %s',
  async (algorithm) => {
    const config = {
      src: './src',
      schema: './schema.graphql',
      language: 'javascript',
      persistConfig: { file: './persisted.json', algorithm },
    };
    const source = [relayQuery, relayMutation].map((text) => `graphql\`${text}\`;\n`).join('');
    const directory = createApplication(folder, {
      'relay.config.json': JSON.stringify(config),
      'schema.graphql': schemaText,
      'persisted.json': '{}',
      'src/queries.js': `const { graphql } = require('relay-runtime');\n${source}`,
    });
    execute('relay-compiler/cli.js', [], directory);
    const artifact = (name: string) =>
      load(directory, join(directory, 'src/__generated__', `${name}.graphql.js`)).default;
    await using service = await startWith(join(directory, 'persisted.json'));
    const { module, email } = await runRecipe('js relay', folder, service, open);
    const { fetchQuery, commitMutation } = load(folder, 'relay-runtime');
    const requests = watchRequests();
    const data = await fetchQuery(module.environment, artifact('queriesMeQuery'), {}).toPromise();
    expect(data.me.email).toBe(email);
    const response = await new Promise<Module>((onCompleted, onError) => {
      const mutation = artifact('queriesRenameMutation');
      const variables = { input: { lastName: 'King' } };
      commitMutation(module.environment, { mutation, variables, onCompleted, onError });
    });
    expect(response.updateProfile.fullName).toBe('Ada King');
    expect(requests().map(({ text }) => /"query":null/.test(text))).toEqual([true, true]);
  },
);

test('urql sends the ids of a build only, by GET and by POST', async () => {
  const { Client, cacheExchange, fetchExchange, formatDocument, gql, stringifyDocument } = load(
    folder,
    '@urql/core',
  );
  const { persistedExchange } = load(folder, '@urql/exchange-persisted');
  const texts: readonly string[] = [me, login].map((text) =>
    stringifyDocument(formatDocument(gql(text))),
  );
  const manifest = Object.fromEntries(texts.map((text) => [sha256Of(text), text]));
  const directory = createApplication(folder, { 'manifest.json': JSON.stringify(manifest) });
  await using service = await startWith(join(directory, 'manifest.json'));
  const ada = await somebody(open);
  const client = new Client({
    url: `${service.address}/graphql`,
    exchanges: [
      cacheExchange,
      persistedExchange({ enforcePersistedQueries: true, enableForMutation: true }),
      fetchExchange,
    ],
    fetchOptions: { headers: { authorization: `Bearer ${ada.accessToken}` } },
  });
  const requests = watchRequests();
  const result = await client.query(me, {}).toPromise();
  expect([result.error, result.data.me.email]).toEqual([undefined, ada.email]);
  const input = { email: ada.email, password: goodPassword };
  const loggedIn = await client.mutation(login, { input }).toPromise();
  expect([loggedIn.error, loggedIn.data.login.user.id]).toEqual([undefined, ada.userId]);
  expect(requests().map(({ method }) => method)).toEqual(['GET', 'POST']);
  expect(requests(/query Me|mutation Login/)).toEqual([]);
  const refused = await client.query(other, {}).toPromise();
  expect(refused.error.graphQLErrors[0].extensions.code).toBe('PERSISTED_QUERY_NOT_IN_LIST');
});

test('persistedExchange of urql sends the text to a service without a manifest', async () => {
  const { Client, fetchExchange } = load(folder, '@urql/core');
  const { persistedExchange } = load(folder, '@urql/exchange-persisted');
  const ada = await somebody(open);
  const client = new Client({
    url: `${open.address}/graphql`,
    exchanges: [persistedExchange({}), fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${ada.accessToken}` } },
  });
  const result = await client.query(me, {}).toPromise();
  expect([result.error, result.data.me.email]).toEqual([undefined, ada.email]);
});
