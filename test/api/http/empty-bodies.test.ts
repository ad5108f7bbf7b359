/** An empty body of any type counts as none, a blank optional field as missing, and both form encodings are accepted. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goodPassword, newAddress, somebody, tryLogin } from '../../support/people.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const types = [
  'application/json',
  'application/json; charset=utf-8',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
  'application/octet-stream',
  'application/xml',
];
const framings = { 'content-length: 0': { 'content-length': '0' }, none: {}, chunked: {} };

describe('an empty body', () => {
  test.each(types.flatMap((type) => Object.keys(framings).map((framing) => ({ type, framing }))))(
    'of $type with framing $framing logs out',
    async ({ type, framing }) => {
      const { accessToken } = await somebody(service);
      const headers: Record<string, string> = {
        authorization: `Bearer ${accessToken}`,
        'content-type': type,
        ...(framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : {}),
        ...(framing === 'content-length: 0' ? { 'content-length': '0' } : {}),
      };
      const response = await rawRequest(service.address, ['POST', '/auth/logout/'], {
        headers,
        ...(framing === 'chunked' ? { body: '' } : {}),
      });
      expect(response.status).toBe(204);
    },
  );

  test('of a route that needs a body names the missing fields', async () => {
    const response = await service.rest('POST', '/login/', {
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status).toBe(400);
    expect(response.body.data.fields).toEqual([
      { path: 'email', message: 'Is required.' },
      { path: 'password', message: 'Is required.' },
    ]);
  });

  test('of an unknown type is 415 with any framing', async () => {
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const response = await rawRequest(service.address, ['POST', '/auth/login/'], {
        headers: { 'content-type': 'text/plain', ...headers },
        body: '{"email":"a@b.co","password":"x"}',
      });
      expect(response.status).toBe(415);
    }
  });
});

describe('forms', () => {
  const send = (path: string, body: FormData | URLSearchParams, token?: string, method = 'POST') =>
    fetch(`${service.address}/auth${path}`, {
      method,
      body,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    });
  const fill = (form: FormData | URLSearchParams, fields: Record<string, string>) => {
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    return form;
  };

  test.each([
    ['multipart/form-data', () => new FormData()],
    ['application/x-www-form-urlencoded', () => new URLSearchParams()],
  ])('%s registers with a blank username, logs in and updates one name', async (_type, form) => {
    const email = newAddress();
    const registered = await send(
      '/register/',
      fill(form(), {
        email,
        first_name: 'Zoë “☃”',
        last_name: 'Ōe',
        username: '',
        password: goodPassword,
        password2: goodPassword,
      }),
    );
    expect(registered.status).toBe(201);
    const user = await somebody(service);
    const login = await send(
      '/login/',
      fill(form(), { email: user.email, password: goodPassword }),
    );
    expect(login.status).toBe(200);
    const updated = await send(
      '/profile/update/',
      fill(form(), { first_name: 'Zoë ☃', last_name: '', username: '' }),
      user.accessToken,
      'PUT',
    );
    expect(await updated.json()).toMatchObject({
      data: { first_name: 'Zoë ☃', last_name: 'Lovelace', username: null },
    });
  });

  test('a password in multipart/form-data is taken unchanged', async () => {
    const password = ' a+b%20\r\nc"=&é☃ and so on ';
    const user = await somebody(service, { password });
    const login = await send('/login/', fill(new FormData(), { email: user.email, password }));
    expect(login.status).toBe(200);
    expect(await tryLogin(service, user.email, password)).toMatchObject({
      __typename: 'TokenPair',
    });
  });

  test('a blank required field, a repeated field and a file are refused', async () => {
    const blank = await send('/login/', fill(new FormData(), { email: '', password: 'x' }));
    expect(blank.status).toBe(400);
    const twice = fill(new FormData(), { email: newAddress(), password: 'x' });
    twice.append('email', newAddress());
    expect((await send('/login/', twice)).status).toBe(400);
    const file = fill(new FormData(), { email: newAddress() }) as FormData;
    file.append('password', new Blob(['x']), 'password.txt');
    expect((await send('/login/', file)).status).toBe(415);
  });

  test.each([
    ['no boundary', 'multipart/form-data', 'x'],
    ['another boundary', 'multipart/form-data; boundary=y', '--x--\r\n'],
    ['bytes that are not UTF-8', 'multipart/form-data; boundary=x', Buffer.from([0xff, 0xfe])],
  ])('multipart/form-data with %s is 400', async (_what, type, body) => {
    const response = await rawRequest(service.address, ['POST', '/auth/login/'], {
      headers: { 'content-type': type },
      body,
    });
    expect(response.status).toBe(400);
  });
});
