/** `POST /oauth/token`: the grant `refresh_token`, the errors of RFC 6749 §5.2, and malformed requests. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { oauth } from '../../support/oauth.ts';
import { somebody } from '../../support/people.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn, refresh } from '../../support/session-calls.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const refreshForm = (refresh_token: string, more: Readonly<Record<string, string>> = {}) => ({
  grant_type: 'refresh_token',
  refresh_token,
  ...more,
});

describe('grant_type=refresh_token', () => {
  test.each([
    ['without a client', {}],
    ['with the public client', { client_id: 'gatehouse' }],
    ['with an empty secret and scope', { client_id: 'gatehouse', client_secret: '', scope: '' }],
  ])('exchanges a refresh token %s', async (_title, more) => {
    const ada = await somebody(service);
    const form = refreshForm(ada.refreshToken, more);
    const { status, headers, body } = await oauth(service, 'token', { form });
    expect(status).toBe(200);
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: expect.any(Number),
      refresh_token: expect.any(String),
    });
    expect(body.expires_in).toBeGreaterThan(250);
    expect(body.expires_in).toBeLessThanOrEqual(300);
    expect(body.refresh_token).not.toBe(ada.refreshToken);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('pragma')).toBe('no-cache');
    expect(await isIn(service, body.access_token)).toBe(true);
  });

  test('JSON, Basic of the public client and an expired bearer token are accepted', async () => {
    const ada = await somebody(service);
    const first = await oauth(service, 'token', {
      json: refreshForm(ada.refreshToken),
      headers: { authorization: 'Bearer expired' },
    });
    expect(first.status).toBe(200);
    const second = await oauth(service, 'token', {
      form: refreshForm(first.body.refresh_token),
      basic: ['gatehouse', ''],
    });
    expect(second.status).toBe(200);
  });

  test('16 parallel exchanges get the same tokens, and an old token ends the session', async () => {
    const ada = await somebody(service);
    const answers = await Promise.all(
      Array.from({ length: 16 }, () =>
        oauth(service, 'token', { form: refreshForm(ada.refreshToken) }),
      ),
    );
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
    const newer = await refresh(service, answers[0]?.body.refresh_token);
    const { status, body } = await oauth(service, 'token', { form: refreshForm(ada.refreshToken) });
    expect([status, body.error]).toEqual([400, 'invalid_grant']);
    expect(await isIn(service, newer?.accessToken ?? '')).toBe(false);
  });

  test('a forged token is invalid_grant, and many of them are limited', async () => {
    await using limited = await startService({ environment: { RATE_LIMITS: 'code=2/600' } });
    const ask = () => oauth(limited, 'token', { form: refreshForm('A'.repeat(48)) });
    for (const _ of [1, 2]) {
      const { status, body } = await ask();
      expect([status, body.error]).toEqual([400, 'invalid_grant']);
    }
    const { status, body, headers } = await ask();
    expect([status, body.error]).toEqual([429, 'temporarily_unavailable']);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(500);
    const revoked = await oauth(limited, 'revoke', { form: { token: 'A'.repeat(48) } });
    expect(revoked.status).toBe(429);
  });
});

describe('errors', () => {
  const known = { grant_type: 'refresh_token', refresh_token: 'x' };
  test.each([
    ['no grant type', {}, 400, 'invalid_request'],
    ['an empty grant type', { grant_type: '' }, 400, 'invalid_request'],
    ['the password grant', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no refresh token', { grant_type: 'refresh_token' }, 400, 'invalid_request'],
    ['a long refresh token', { ...known, refresh_token: 'x'.repeat(5000) }, 400, 'invalid_request'],
    ['a scope', { ...known, scope: 'shop.view_order' }, 400, 'invalid_scope'],
    ['an unknown client', { ...known, client_id: 'somebody' }, 401, 'invalid_client'],
    [
      'a wrong secret',
      { ...known, client_id: 'gatehouse', client_secret: 'x' },
      401,
      'invalid_client',
    ],
    ['a secret without a client', { ...known, client_secret: 'x' }, 400, 'invalid_request'],
  ])('%s: %i %s', async (_title, form: Record<string, string>, status, error) => {
    const answer = await oauth(service, 'token', { form });
    expect([answer.status, answer.body]).toEqual([
      status,
      { error, error_description: expect.stringMatching(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/) },
    ]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.get('www-authenticate')).toBeNull();
  });

  test('a repeated parameter is refused, in a form and in JSON', async () => {
    const form = 'grant_type=refresh_token&refresh_token=a&refresh_token=b';
    const answer = await oauth(service, 'token', { form });
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
    const response = await fetch(`${service.address}/oauth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"grant_type":"refresh_token","refresh_token":"a","refresh_token":"b"}',
    });
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: 'invalid_request' },
    ]);
  });

  test.each([
    ['Basic and client_secret', ['gatehouse', 'x'], { client_secret: 'x' }, 400, 'invalid_request'],
    ['Basic and another client_id', ['a', 'x'], { client_id: 'b' }, 400, 'invalid_request'],
    ['a wrong client by Basic', ['a', 'x'], {}, 401, 'invalid_client'],
    ['the same client_id twice', ['a', 'x'], { client_id: 'a' }, 401, 'invalid_client'],
  ] as const)('%s: %i', async (_title, basic, more, status, error) => {
    const answer = await oauth(service, 'token', { basic, form: { ...known, ...more } });
    expect([answer.status, answer.body.error]).toEqual([status, error]);
  });

  test.each(['Basic', 'Basic !!!', 'Basic YQ==', 'Basic /////w==', 'Basic JTpi'])(
    'the header %s is invalid_client',
    async (authorization) => {
      const answer = await oauth(service, 'token', { form: known, headers: { authorization } });
      expect([answer.status, answer.body.error]).toEqual([401, 'invalid_client']);
    },
  );

  test('values of a wrong type are refused', async () => {
    for (const json of [{ grant_type: 1 }, { grant_type: ['refresh_token'] }, ['refresh_token']]) {
      const answer = await oauth(service, 'token', { json });
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request']);
    }
  });
});

describe('malformed requests have the form of OAuth errors', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  test.each([
    ['GET', 405, {}, undefined],
    ['PUT', 405, form, 'grant_type=refresh_token'],
    ['POST', 415, { 'content-type': 'text/plain' }, 'grant_type=refresh_token'],
    ['POST', 415, {}, 'grant_type=refresh_token'],
    ['POST', 400, form, undefined],
    ['POST', 400, form, 'grant_type=%ff'],
    ['POST', 406, { ...form, accept: 'text/html' }, 'grant_type=refresh_token'],
    ['POST', 413, form, `grant_type=${'x'.repeat(150_000)}`],
    ['POST', 400, { ...form, host: 'evil.example' }, 'grant_type=refresh_token'],
  ] as const)('%s with %i', async (method, status, headers, body) => {
    for (const endpoint of ['token', 'revoke']) {
      const answer = await rawRequest(service.address, [method, `/oauth/${endpoint}`], {
        headers,
        ...(body === undefined ? {} : { body }),
      });
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        status,
        { error: 'invalid_request', error_description: expect.any(String) },
      ]);
      if (status === 405) expect(answer.headers.allow).toBe('POST, OPTIONS');
    }
  });

  test('parameters of the URL are ignored', async () => {
    const ada = await somebody(service);
    const query = new URLSearchParams(refreshForm(ada.refreshToken)).toString();
    const answer = await rawRequest(service.address, ['POST', `/oauth/token?${query}`]);
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([400, 'invalid_request']);
  });

  test('an unexpected error is server_error, without its text', async () => {
    const { refreshToken } = await somebody(service);
    await service.database.query('alter table users rename to users_away');
    try {
      const answer = await oauth(service, 'token', { form: refreshForm(refreshToken) });
      expect([answer.status, answer.body.error]).toEqual([500, 'server_error']);
      expect(answer.text).not.toContain('users');
    } finally {
      await service.database.query('alter table users_away rename to users');
    }
  });
});
