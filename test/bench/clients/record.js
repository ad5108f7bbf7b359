/**
 * Records the requests of real clients. It starts an HTTP server, lets each client send its operations to it, and
 * writes the requests as JSON to standard output. Headers of the connection are left out.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { ApolloClient, gql, HttpLink, InMemoryCache } from '@apollo/client/core';
import { Client, cacheExchange, fetchExchange } from '@urql/core';
import { createAuthClient } from 'better-auth/client';
import { GraphQLClient } from 'graphql-request';

const pair =
  '... on TokenPair { accessToken accessTokenExpiresAt refreshToken } ... on Problem { code message }';

/** The operations as an application writes them. The values are replaced by the benchmark. */
const operations = {
  me: {
    document:
      'query Me { me { id email username firstName lastName fullName isEmailVerified isActive isStaff isSuperuser pendingEmail locale createdAt updatedAt lastLoginAt } }',
    variables: {},
    accessToken: 'ACCESS_TOKEN',
  },
  login: {
    document: `mutation Login($input: LoginInput!) { login(input: $input) { ${pair} } }`,
    variables: { input: { email: 'EMAIL', password: 'PASSWORD' } },
  },
  refreshTokens: {
    document: `mutation RefreshTokens($refreshToken: String!) { refreshTokens(refreshToken: $refreshToken) { ${pair} } }`,
    variables: { refreshToken: 'REFRESH_TOKEN' },
  },
  register: {
    document:
      'mutation Register($input: RegisterInput!) { register(input: $input) { ... on Acknowledgement { message } ... on Problem { code message fields { path message } } } }',
    variables: {
      input: { email: 'EMAIL', password: 'PASSWORD', firstName: 'Ada', lastName: 'Lovelace' },
    },
  },
};

/** Sends an operation with each GraphQL client in its default configuration. */
const senders = {
  'apollo-client': async (url, { document, variables, accessToken }) => {
    const link = new HttpLink({ uri: url, headers: bearer(accessToken) });
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const parsed = gql(document);
    if (document.startsWith('query')) await client.query({ query: parsed, variables });
    else await client.mutate({ mutation: parsed, variables });
  },
  // It sends queries by GET. A server that is protected against CSRF, such as Apollo Server, needs the header.
  urql: async (url, { document, variables, accessToken }) => {
    const headers = { ...bearer(accessToken), 'apollo-require-preflight': 'true' };
    const exchanges = [cacheExchange, fetchExchange];
    const client = new Client({ url, exchanges, fetchOptions: () => ({ headers }) });
    if (document.startsWith('query')) await client.query(document, variables).toPromise();
    else await client.mutation(document, variables).toPromise();
  },
  'graphql-request': async (url, { document, variables, accessToken }) => {
    const client = new GraphQLClient(url, { headers: bearer(accessToken) });
    await client.request(document, variables);
  },
  fetch: async (url, { document, variables, accessToken }) => {
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer(accessToken) },
      body: JSON.stringify({ query: document, variables }),
    });
  },
  curl: async (url, { document, variables, accessToken }) => {
    const headers = { 'content-type': 'application/json', ...bearer(accessToken) };
    const body = { query: document, ...(document.startsWith('query') ? {} : { variables }) };
    await promisify(execFile)('curl', [
      ...['--silent', '--fail', url],
      ...Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`]),
      ...['--data', JSON.stringify(body)],
    ]);
  },
};

/** The requests of better-auth's own client. A browser adds the cookie. */
const betterAuthOperations = {
  getSession: (client) => client.getSession({ fetchOptions: { headers: { cookie: 'COOKIE' } } }),
  signIn: (client) => client.signIn.email({ email: 'EMAIL', password: 'PASSWORD' }),
};

function bearer(accessToken) {
  return accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` };
}

const connectionHeaders = new Set(['host', 'connection', 'content-length', 'transfer-encoding']);
const requests = [];

const server = createServer(async (request, response) => {
  const body = await text(request);
  const headers = {};
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index];
    if (!connectionHeaders.has(name.toLowerCase())) headers[name] = request.rawHeaders[index + 1];
  }
  const { method, url } = request;
  requests.push({ method, path: url, headers, ...(body === '' ? {} : { body }) });
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ data: answers }));
});

/** An answer to each operation, with the field that the cache of a client needs. */
const answers = {
  me: { __typename: 'User' },
  login: { __typename: 'Problem', code: 'INVALID_CREDENTIALS', message: '' },
  refreshTokens: { __typename: 'Problem', code: 'INVALID_TOKEN', message: '' },
  register: { __typename: 'Acknowledgement', message: '' },
};

/** The only request that `send` causes. */
async function record(send) {
  requests.length = 0;
  await send();
  if (requests.length !== 1) throw new Error(`${requests.length} requests instead of one`);
  return requests[0];
}

server.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;
const recorded = {};
for (const [name, send] of Object.entries(senders)) {
  recorded[name] = {};
  for (const [operation, request] of Object.entries(operations)) {
    recorded[name][operation] = await record(() => send(`${origin}/graphql`, request));
  }
}
const authClient = createAuthClient({ baseURL: origin });
recorded['better-auth'] = {};
for (const [operation, send] of Object.entries(betterAuthOperations)) {
  recorded['better-auth'][operation] = await record(() => send(authClient));
}
process.stdout.write(JSON.stringify(recorded, undefined, 2), () => process.exit());
