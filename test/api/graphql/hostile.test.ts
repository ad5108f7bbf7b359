/** The checks of the scanner graphql-cop in production: none has a finding. */
import { HeaderMap } from '@apollo/server';
import { GraphQLInt, GraphQLObjectType, GraphQLScalarType, GraphQLSchema } from 'graphql';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createGraphql } from '../../../src/api/graphql/apollo.ts';
import { createErrorReporter } from '../../../src/api/graphql/errors.ts';
import { createOperations } from '../../../src/api/graphql/operations.ts';
import { createPreparedRequests } from '../../../src/api/graphql/prepared-requests.ts';
import { sentenceOf } from '../../../src/core/errors.ts';
import { runWithContext } from '../../../src/core/request-context.ts';
import { createLog } from '../../../src/observability/log.ts';
import { internals } from '../../support/refusals.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService({
    environment: { NODE_ENV: 'production', DEBUG: '', ALLOWED_HOSTS: 'localhost,127.0.0.1' },
  });
});
afterAll(() => service.close());

interface Asked {
  readonly method?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

async function ask({ method = 'POST', query, headers = {}, body }: Asked) {
  const search = query ? `?${new URLSearchParams(query)}` : '';
  const response = await fetch(`${service.address}/graphql${search}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text };
}

const json = (body: unknown, headers: Asked['headers'] = {}): Asked => ({
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});
const form = (text: string, type: string): Asked => ({
  headers: { 'content-type': type },
  body: text,
});
const times = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => write(index)).join(' ');

const typename = '{ __typename }';
const probes: readonly (readonly [string, Asked])[] = [
  ['aliases: 101 of one field', json({ query: `{ ${times(101, (it) => `a${it}: __typename`)} }` })],
  ['arrays: a batch of ten', json(Array.from({ length: 10 }, () => ({ query: typename })))],
  ['directives: ten of one kind', json({ query: `{ __typename ${'@aa'.repeat(10)} }` })],
  ['duplicates: 500 of one field', json({ query: `{ ${'__typename '.repeat(500)} }` })],
  [
    'circular introspection',
    json({
      query: `{ __schema { types { fields { type { fields { type { fields { type { fields {
        type { name } } } } } } } } } } }`,
    }),
  ],
  ['introspection', json({ query: '{ __schema { queryType { name } } }' })],
  ['introspection of a type', json({ query: '{ __type(name: "User") { fields { name } } }' })],
  ['a mutation by GET', { method: 'GET', query: { query: 'mutation { __typename }' } }],
  ['a query by a plain GET', { method: 'GET', query: { query: typename } }],
  [
    'a query by a form',
    form(String(new URLSearchParams({ query: typename })), 'application/x-www-form-urlencoded'),
  ],
  ['JSON as text/plain', form(JSON.stringify({ query: typename }), 'text/plain')],
  [
    'a multipart form',
    form(
      `--x\r\ncontent-disposition: form-data; name="query"\r\n\r\n${typename}\r\n--x--`,
      'multipart/form-data; boundary=x',
    ),
  ],
  ['suggestions', json({ query: '{ mee { idd } }' })],
  ['suggestions of a type', json({ query: 'query ($it: Usr) { ... on Usr { id } }' })],
  ['suggestions of an argument', json({ query: '{ hasGroup(nme: "x") }' })],
  ['an unhandled error', json({ query: 'qwerty { abc }' })],
  ['an IDE', { method: 'GET', headers: { accept: 'text/html' } }],
];

describe('no check of a scanner has a finding', () => {
  test.each(probes)('%s', async (_what, asked) => {
    const { status, text } = await ask(asked);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(text).not.toMatch(
      /"data"|did you mean|stacktrace|"exception"|<script|sandbox|graphiql/i,
    );
    expect(text).not.toMatch(internals);
    expect(text).not.toMatch(/apollo server|introspection: true/i);
    const { errors } = JSON.parse(text);
    expect(errors.length).toBeLessThanOrEqual(3);
  });

  test('errors contain no stack trace, also where NODE_ENV is not production', async () => {
    vi.stubEnv('NODE_ENV', 'development');
    await using developing = await startService();
    vi.unstubAllEnvs();
    const responses = [
      await developing.graphql('qwerty { abc }'),
      await developing.graphql('{ mee }'),
      await developing.graphql('query ($id: ID!) { user(id: $id) { id } }', { id: [1] }),
    ];
    for (const { text } of responses) expect(text).not.toMatch(/stacktrace|node_modules/);
    expect(responses.flatMap(({ errors = [] }) => errors)).toHaveLength(3);
  });

  test('tracing headers add no extensions to the response', async () => {
    const { text } = await ask(
      json(
        { query: typename },
        { 'x-apollo-tracing': '1', 'apollo-federation-include-trace': 'ftv1' },
      ),
    );
    expect(JSON.parse(text)).toEqual({ data: { __typename: 'Query' } });
  });

  test('a mutation by GET is 405, and Allow names POST', async () => {
    const { status, headers } = await ask({
      method: 'GET',
      query: { query: 'mutation { __typename }' },
      headers: { 'apollo-require-preflight': '1' },
    });
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
  });

  test.each(['/graphiql', '/playground', '/console', '/graphql/ide/', '/altair'])(
    '%s has no IDE',
    async (path) => {
      const response = await fetch(`${service.address}${path}`);
      expect(response.status).toBe(404);
      await response.arrayBuffer();
    },
  );
});

describe('an unexpected error outside of resolvers', () => {
  const secret = 'relation "secrets" in /srv/app.js:1:2';
  const context = {
    actor: undefined,
    client: { ipAddress: '::1', userAgent: '', locale: 'en', requestId: 'the-request' },
  };
  /** Throws null while a document is validated, which graphql-js does not handle. */
  const broken = () => {
    throw null;
  };
  const fragile = new GraphQLScalarType({
    name: 'Fragile',
    parseValue: broken,
    parseLiteral: broken,
  });
  const fields = { it: { type: GraphQLInt, args: { of: { type: fragile } } } };
  const schema = new GraphQLSchema({ query: new GraphQLObjectType({ name: 'Query', fields }) });

  async function run(query: string, contextOf: () => Promise<typeof context>) {
    const lines: string[] = [];
    const log = createLog({
      isReadable: false,
      level: 'info',
      destination: { write: (line) => void lines.push(line) },
    });
    const operations = createOperations(schema, {
      report: createErrorReporter(log),
      afterMutation: async () => undefined,
    });
    const preparedRequests = createPreparedRequests(operations);
    const graphql = await createGraphql({ schema, isDebug: false, log, preparedRequests });
    const httpGraphQLRequest = {
      method: 'POST',
      headers: new HeaderMap([['content-type', 'application/json']]),
      search: '',
      body: { query },
    };
    const response = await runWithContext(context, () =>
      graphql.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: contextOf }),
    );
    await graphql.stop();
    if (response.body.kind !== 'complete') throw new Error('not answered at once');
    return { status: response.status, body: JSON.parse(response.body.string), lines };
  }

  test.each([
    ['before the request is parsed', typename, () => Promise.reject(new Error(secret))],
    ['while a document is validated', '{ it(of: 1) }', async () => context],
  ])('%s: INTERNAL with the request id, logged once', async (_when, query, of) => {
    const { status, body, lines } = await run(query, of);
    const extensions = { code: 'INTERNAL', requestId: 'the-request' };
    expect(body).toEqual({ errors: [{ message: sentenceOf('INTERNAL'), extensions }] });
    expect(status).toBe(500);
    expect(lines.filter((line) => line.includes('the-request'))).toHaveLength(1);
  });
});
