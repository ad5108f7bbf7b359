/** GraphQL over HTTP: methods, content types, batches, caching and protection against CSRF. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Login, somebody } from '../support/people.ts';
import { type RawRequest, rawRequest } from '../support/raw-request.ts';
import { internals } from '../support/refusals.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
let ada: Login & { readonly email: string; readonly userId: string };

beforeAll(async () => {
  service = await startService();
  ada = await somebody(service);
});
afterAll(() => service.close());

const json = { 'content-type': 'application/json' };
const preflight = { 'apollo-require-preflight': 'true' };

const send = (method: string, path: string, request: RawRequest = {}) =>
  rawRequest(service.address, [method, path], request);
const post = (body: unknown, headers: Readonly<Record<string, string>> = json) =>
  send('POST', '/graphql', {
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

describe('over HTTP', () => {
  const loggingOut = 'mutation { logout { __typename } }';
  const tokenHeaders = () => ({ authorization: `Bearer ${ada.accessToken}` });

  test('a batch of requests is refused, whatever it contains', async () => {
    for (const body of ['[]', [{ query: '{ __typename }' }], [{ query: loggingOut }, {}]]) {
      const response = await post(body, { ...json, ...tokenHeaders() });
      expect(response.status).toBe(400);
      expect(JSON.parse(response.text).errors[0].extensions.code).toBe('BAD_REQUEST');
    }
    expect((await service.graphql('{ me { id } }', {}, ada.accessToken)).data.me.id).toBe(
      ada.userId,
    );
  });

  test('GET can run queries but no mutations', async () => {
    const get = (query: string) =>
      send('GET', `/graphql?${new URLSearchParams({ query })}`, {
        headers: { ...tokenHeaders(), ...preflight },
      });
    const asked = await get('{ me { id } }');
    expect(JSON.parse(asked.text)).toEqual({ data: { me: { id: ada.userId } } });
    expect(asked.headers['cache-control']).toBe('no-store');
    const changed = await get(loggingOut);
    expect(changed.status).toBe(405);
    expect(changed.headers.allow).toBe('POST');
    expect((await get('{ me { id } }')).status).toBe(200);
  });

  test.each([
    ['text/plain', JSON.stringify({ query: loggingOut })],
    ['application/x-www-form-urlencoded', new URLSearchParams({ query: loggingOut }).toString()],
    [
      'multipart/form-data; boundary=x',
      `--x\r\ncontent-disposition: form-data; name="query"\r\n\r\n${loggingOut}\r\n--x--`,
    ],
    ['application/xml', '<query/>'],
  ])('a POST of %s, which a page of another site can send, has no effect', async (type, body) => {
    const response = await post(body, { 'content-type': type, ...tokenHeaders() });
    expect([400, 415]).toContain(response.status);
    expect((await service.graphql('{ me { id } }', {}, ada.accessToken)).data.me.id).toBe(
      ada.userId,
    );
  });

  test('a simple GET, which a page of another site can send, has no effect', async () => {
    const response = await send(
      'GET',
      `/graphql?${new URLSearchParams({ query: '{ __typename }' })}`,
    );
    expect(response.status).toBe(400);
  });

  const large = 'x'.repeat(150_000);
  const unreadable: readonly (readonly [
    string,
    number,
    string,
    Readonly<Record<string, string>>,
  ])[] = [
    ['half a JSON', 400, '{"query":', json],
    ['nothing', 400, '', json],
    ['a large body', 413, JSON.stringify({ query: large }), json],
    ['XML', 415, '<query/>', { 'content-type': 'application/xml' }],
    ['null', 400, 'null', json],
    ['a text', 400, '"{ me { id } }"', json],
    ['no query', 400, '{"variables":{}}', json],
  ];

  test.each(unreadable)('%s is %i, as errors with a code', async (_what, status, body, headers) => {
    const response = await post(body, headers);
    expect(response.status).toBe(status);
    expect(response.text).not.toMatch(internals);
    expect(response.headers['content-type']).toMatch(/^application\/(graphql-response\+)?json/);
    expect(JSON.parse(response.text)).toEqual({
      errors: [{ message: expect.any(String), extensions: { code: expect.any(String) } }],
    });
  });

  test.each(['PUT', 'DELETE', 'PATCH'])(
    '%s is 405 and Allow lists the allowed methods',
    async (method) => {
      const response = await send(method, '/graphql', { headers: json, body: '{}' });
      expect(response.status).toBe(405);
      expect(response.headers.allow?.split(', ')).toEqual(expect.arrayContaining(['GET', 'POST']));
    },
  );

  test('a document that does not parse or validate is 400 with its code', async () => {
    const codeOf = async (query: string) => {
      const { status, errors } = await service.graphql(query);
      return [status, errors?.[0]?.extensions?.code];
    };
    expect(await codeOf('{')).toEqual([400, 'GRAPHQL_PARSE_FAILED']);
    expect(await codeOf('{ nothing }')).toEqual([400, 'GRAPHQL_VALIDATION_FAILED']);
    expect(await codeOf('query a { __typename } query b { __typename }')).toEqual([
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ]);
  });

  const sha256Hash = 'ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38';
  const mistakes: readonly (readonly [string, object])[] = [
    ['a subscription', { query: 'subscription { x }' }],
    ['an operation by its hash', { extensions: { persistedQuery: { version: 1, sha256Hash } } }],
    [
      'an operation and another hash',
      { query: '{ __typename }', extensions: { persistedQuery: { version: 1, sha256Hash: 'x' } } },
    ],
    [
      'null as the condition of a directive',
      {
        query: 'query ($it: Boolean = true) { __typename @include(if: $it) }',
        variables: { it: null },
      },
    ],
  ];

  test.each(mistakes)('%s is an error of the client', async (_what, body) => {
    const linesBefore = service.logLines.length;
    const response = await post(body);
    const { errors } = JSON.parse(response.text);
    expect.soft(errors[0].extensions.code).not.toBe('INTERNAL');
    expect.soft(response.text).not.toMatch(internals);
    expect.soft(response.status).toBeLessThan(500);
    const surprises = service.logLines
      .slice(linesBefore)
      .filter((line) => line.includes('unexpected'));
    expect.soft(surprises.map((line) => line.slice(0, 300))).toEqual([]);
  });

  test('no response of GraphQL may be stored', async () => {
    const responses = [
      await post({ query: '{ __typename }' }),
      await post({ query: '{ me { id } }' }),
      await post({ query: '{ me { id } }' }, { ...json, authorization: 'Bearer x' }),
      await post({ query: '{ me { id } }' }, { ...json, ...tokenHeaders() }),
    ];
    for (const { headers } of responses) expect(headers['cache-control']).toBe('no-store');
  });
});
