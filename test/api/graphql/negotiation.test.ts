/**
 * Every response of GraphQL has the content type that the client accepts, also errors before the execution: clients
 * read errors of a status other than 200 only as `application/graphql-response+json`.
 */
import { Client as PgClient } from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { somebody } from '../../support/people.ts';
import { type RawAnswer, type RawRequest, rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
/** Another process of the same service, with a short request timeout. */
let withShortTimeout: TestService;
let user: Awaited<ReturnType<typeof somebody>>;

beforeAll(async () => {
  const environment = { RATE_LIMITS: 'account-network=2/3600' };
  service = await startService({ environment });
  const { database, mail } = service;
  withShortTimeout = await startService({
    database,
    mail,
    httpLimits: { answerMilliseconds: 200 },
  });
  user = await somebody(service);
});
afterAll(async () => {
  await withShortTimeout.close();
  await service.close();
});

const json = { 'content-type': 'application/json' };
const jsonType = 'application/json; charset=utf-8';
const graphqlType = 'application/graphql-response+json; charset=utf-8';

type Headers = Readonly<Record<string, string>>;

function send(method: string, path: string, request: RawRequest): Promise<RawAnswer> {
  return rawRequest(service.address, [method, path], request);
}

function post(body: unknown, headers: Headers, { address } = service): Promise<RawAnswer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const request = { headers: { ...json, ...headers }, body: text };
  return rawRequest(address, ['POST', '/graphql'], request);
}

const bearer = () => ({ authorization: `Bearer ${user.accessToken}` });

/** Locks the users, so that an operation that changes one has no response before the request timeout. */
async function lockUsers(): Promise<void> {
  const client = new PgClient({ connectionString: service.database.url });
  await client.connect();
  await client.query('begin');
  await client.query('lock table users in exclusive mode');
  onTestFinished(async () => {
    await client.query('rollback');
    await client.end();
  });
}

/** An access token that is valid and not cached, while its session cannot be read. */
async function breakSessions(): Promise<Headers> {
  const { accessToken } = await somebody(service);
  await service.database.query('alter table sessions rename to hidden');
  onTestFinished(async () => {
    await service.database.query('alter table hidden rename to sessions');
  });
  return { authorization: `Bearer ${accessToken}` };
}

const me = '{ me { id } }';
const update = 'mutation { updateProfile(input: {lastName: "King"}) { __typename } }';
let documents = 0;
/** A document that Apollo has to validate. */
function unknown(query: string): string {
  documents += 1;
  return `${query} # ${documents}`;
}

/** Errors before the execution, from every part that can answer. */
const errors: readonly (readonly [
  string,
  number,
  string,
  (accept: Headers) => Promise<RawAnswer>,
])[] = [
  [
    'an invalid token, by Apollo',
    401,
    'UNAUTHENTICATED',
    (accept) => post({ query: unknown(me) }, { ...accept, authorization: 'Bearer x' }),
  ],
  [
    'an invalid token, for a prepared document',
    401,
    'UNAUTHENTICATED',
    async (accept) => {
      await post({ query: me }, {});
      return post({ query: me }, { ...accept, authorization: 'Bearer x' });
    },
  ],
  [
    'a host name that is not allowed',
    400,
    'BAD_REQUEST',
    (accept) => post({ query: me }, { ...accept, host: 'evil.example' }),
  ],
  ['half a JSON', 400, 'BAD_REQUEST', (accept) => post('{"query":', accept)],
  [
    'a duplicate key',
    400,
    'BAD_REQUEST',
    (accept) => post('{"query":"{a}","query":"{b}"}', accept),
  ],
  ['no document', 400, 'BAD_REQUEST', (accept) => post({}, accept)],
  ['no body', 400, 'BAD_REQUEST', (accept) => post('', accept)],
  ['a batch', 400, 'BAD_REQUEST', (accept) => post([{ query: me }], accept)],
  [
    'a possible cross-site request',
    400,
    'BAD_REQUEST',
    (accept) => send('GET', '/graphql?query={me{id}}', { headers: accept }),
  ],
  [
    'an operation name without operation',
    400,
    'OPERATION_RESOLUTION_FAILURE',
    (accept) => post({ query: me, operationName: 'Other' }, accept),
  ],
  [
    'another method',
    405,
    'BAD_REQUEST',
    (accept) => send('PUT', '/graphql', { headers: { ...json, ...accept }, body: '{}' }),
  ],
  [
    'a mutation by GET',
    405,
    'BAD_REQUEST',
    (accept) =>
      send('GET', `/graphql?${new URLSearchParams({ query: update })}`, {
        headers: { ...accept, ...bearer() },
      }),
  ],
  ['a large body', 413, 'BAD_REQUEST', (accept) => post({ query: 'x'.repeat(150_000) }, accept)],
  [
    'another content type',
    415,
    'BAD_REQUEST',
    (accept) => post('<query/>', { 'content-type': 'application/xml', ...accept }),
  ],
  [
    'a transfer coding',
    501,
    'BAD_REQUEST',
    (accept) => post('0\r\n\r\n', { ...accept, 'transfer-encoding': 'gzip, chunked' }),
  ],
  [
    'an unexpected error of a hook',
    500,
    'INTERNAL',
    async (accept) => {
      const authorization = await breakSessions();
      return post({ query: me }, { ...accept, ...authorization });
    },
  ],
  [
    'the request timeout',
    503,
    'OVERLOADED',
    async (accept) => {
      await lockUsers();
      return post({ query: update }, { ...accept, ...bearer() }, withShortTimeout);
    },
  ],
];

const browserLike = 'text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8';

/** The Accept header of a client, and the content type of its responses. */
const clients: readonly (readonly [string, Headers, string])[] = [
  ['no Accept header', {}, jsonType],
  ['*/*', { accept: '*/*' }, jsonType],
  ['application/json', { accept: 'application/json' }, jsonType],
  ['axios', { accept: 'application/json, text/plain, */*' }, jsonType],
  ['a browser', { accept: browserLike }, jsonType],
  [
    'Apollo Client 4',
    { accept: 'application/graphql-response+json,application/json;q=0.9' },
    graphqlType,
  ],
  [
    'Apollo Client 4 with @defer',
    {
      accept:
        'multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9',
    },
    graphqlType,
  ],
  [
    'Apollo Client 4 with subscriptions',
    {
      accept:
        'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9',
    },
    graphqlType,
  ],
  [
    'urql',
    {
      accept:
        'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
    },
    graphqlType,
  ],
  ['GraphQL only', { accept: 'application/graphql-response+json' }, graphqlType],
  ['upper case', { accept: 'APPLICATION/GraphQL-Response+JSON' }, graphqlType],
  [
    'a charset',
    { accept: 'application/graphql-response+json; charset=utf-8, application/json; charset=utf-8' },
    graphqlType,
  ],
  [
    'a lower weight of GraphQL',
    { accept: 'application/graphql-response+json;q=0.4, application/json;q=0.5' },
    jsonType,
  ],
  [
    'a weight of zero',
    { accept: 'application/graphql-response+json;q=0, application/*;q=0.1' },
    jsonType,
  ],
];

describe.each(errors)('%s is %i %s', (_what, status, code, sendWith) => {
  test.each(clients)('as the type for %s', async (_client, accept, type) => {
    const response = await sendWith(accept);
    expect([response.status, response.headers['content-type']]).toEqual([status, type]);
    const { errors: shown, ...others } = JSON.parse(response.text);
    expect([shown, others]).toEqual([
      [{ message: expect.any(String), extensions: expect.objectContaining({ code }) }],
      {},
    ]);
  });
});

test.each(clients)(
  'a result and a refused field are 200, as the type for %s',
  async (_client, accept, type) => {
    for (const query of [me, unknown(me)]) {
      const result = await post({ query }, { ...accept, ...bearer() });
      expect([result.status, result.headers['content-type']]).toEqual([200, type]);
      expect(JSON.parse(result.text)).toEqual({ data: { me: { id: user.userId } } });
      const refused = await post({ query }, accept);
      expect([refused.status, refused.headers['content-type']]).toEqual([200, type]);
      expect(JSON.parse(refused.text).errors[0].extensions).toEqual({ code: 'UNAUTHENTICATED' });
    }
  },
);

test('a client that accepts no JSON is 406 with the reason, and its mutation is not executed', async () => {
  const { accessToken, userId } = await somebody(service);
  const authorization = `Bearer ${accessToken}`;
  for (const accept of ['image/png', 'application/json;q=0', 'text/html', 'multipart/mixed']) {
    for (const query of [update, unknown(update)]) {
      const response = await post({ query }, { accept, authorization });
      expect([response.status, response.headers['content-type']]).toEqual([406, jsonType]);
      expect(response.text).toContain('Accept');
    }
  }
  const [row] = await service.database.query<{ last_name: string }>(
    'select last_name from users where id = $1',
    [userId],
  );
  expect(row?.last_name).toBe('Lovelace');
});

test('an invalid token is 401 also for a client that accepts application/json only', async () => {
  const headers = { accept: 'application/json', authorization: 'Bearer x' };
  const response = await post({ query: me }, headers);
  expect([response.status, response.headers['www-authenticate']]).toEqual([
    401,
    'Bearer error="invalid_token"',
  ]);
});

test('the time to wait is a header too', async () => {
  const logIn = 'mutation ($input: LoginInput!) { login(input: $input) { __typename } }';
  const { email } = await somebody(service);
  for (const query of [logIn, unknown(logIn)]) {
    const body = { query, variables: { input: { email, password: 'wrong' } } };
    const attempts: RawAnswer[] = [];
    for (let attempt = 0; attempt < 3; attempt += 1) attempts.push(await post(body, {}));
    const throttled = attempts.at(-1);
    const [error] = JSON.parse(throttled?.text ?? '').errors;
    expect(error.extensions).toEqual({ code: 'THROTTLED', retryAfter: expect.any(Number) });
    expect(throttled?.headers['retry-after']).toBe(String(error.extensions.retryAfter));
  }
});

test('a parameter of an accepted type is ignored', async () => {
  const accept = 'application/graphql-response+json;v=1';
  for (const query of [me, unknown(me)]) {
    const response = await post({ query }, { accept, ...bearer() });
    expect([response.status, response.headers['content-type']]).toEqual([200, graphqlType]);
  }
});
