/** Requests that a page of another site can send are refused: a browser sends them without a preflight. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { somebody } from '../../support/people.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
let user: Awaited<ReturnType<typeof somebody>>;

beforeAll(async () => {
  service = await startService();
  user = await somebody(service);
});
afterAll(() => service.close());

type Headers = Readonly<Record<string, string>>;

/** By Apollo for an unknown document, and then as a prepared request. */
async function getTwice(query: string, headers: Headers) {
  const path = `/graphql?${new URLSearchParams({ query: `${query} # ${Math.random()}` })}`;
  const [first, second] = [
    await rawRequest(service.address, ['GET', path], { headers }),
    await rawRequest(service.address, ['GET', path], { headers }),
  ];
  expect([second.status, second.text]).toEqual([first.status, first.text]);
  return first;
}

const basic = `Basic ${Buffer.from('user:password').toString('base64')}`;

describe('a GET is refused', () => {
  test.each<[string, Headers]>([
    ['without further headers', {}],
    ['with headers that browsers add', { origin: 'https://evil.example', cookie: 'a=b' }],
    ['with a login that the browser remembers', { authorization: basic }],
    ['with another scheme that browsers use', { authorization: 'Negotiate YII=' }],
    ['with a scheme that begins like Bearer', { authorization: 'BearerToken x' }],
    ['with an empty header', { 'apollo-require-preflight': '' }],
    ['with the content type of a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['with text/plain', { 'content-type': 'text/plain; a=application/json' }],
    ['with an empty content type', { 'content-type': '' }],
  ])('%s', async (_what, headers) => {
    const { status, text } = await getTwice('{ __typename }', headers);
    const [error] = JSON.parse(text).errors;
    expect([status, error.extensions]).toEqual([400, { code: 'BAD_REQUEST' }]);
    expect(error.message).toContain('CSRF');
  });
});

describe('a GET is executed', () => {
  test.each<[string, () => Headers]>([
    ['with a bearer token', () => ({ authorization: `Bearer ${user.accessToken}` })],
    ['with a lower-case scheme', () => ({ authorization: `bearer ${user.accessToken}` })],
    ['with the header of Apollo', () => ({ 'apollo-require-preflight': 'true' })],
    ['with the name of its operation', () => ({ 'x-apollo-operation-name': 'Me' })],
    ['with the content type of JSON', () => ({ 'content-type': 'application/json' })],
  ])('%s', async (_what, headers) => {
    const { status, text } = await getTwice('{ __typename }', headers());
    expect([status, JSON.parse(text)]).toEqual([200, { data: { __typename: 'Query' } }]);
  });

  test('and its token decides', async () => {
    const valid = { authorization: `Bearer ${user.accessToken}` };
    const result = await getTwice('{ me { id } }', valid);
    expect(JSON.parse(result.text).data.me.id).toBe(user.userId);
    for (const authorization of ['Bearer x', 'Bearer']) {
      const refused = await getTwice('{ me { id } }', { authorization });
      expect(refused.status).toBe(401);
    }
  });
});

describe('a POST that a form can send is refused, also with a login that the browser remembers', () => {
  const loggingOut = 'mutation { logoutEverywhere { __typename } }';

  test.each([
    ['text/plain', JSON.stringify({ query: loggingOut })],
    ['application/x-www-form-urlencoded', new URLSearchParams({ query: loggingOut }).toString()],
    [
      'multipart/form-data; boundary=x',
      `--x\r\ncontent-disposition: form-data; name="query"\r\n\r\n${loggingOut}\r\n--x--`,
    ],
  ])('%s', async (type, body) => {
    for (const framing of [{}, { 'transfer-encoding': 'chunked' }]) {
      const headers = { 'content-type': type, authorization: basic, ...framing };
      const response = await rawRequest(service.address, ['POST', '/graphql'], { headers, body });
      expect([400, 415]).toContain(response.status);
    }
  });
});

test('a POST without a body is refused with the reason', async () => {
  const headers = { 'content-type': 'application/json' };
  const { status, text } = await rawRequest(service.address, ['POST', '/graphql'], { headers });
  expect([status, text]).toEqual([400, expect.stringContaining('body missing')]);
});
