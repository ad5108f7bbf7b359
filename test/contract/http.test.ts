/** HTTP: methods, sizes, types and URLs refused in the common format, headers, and the page of the REST API. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { restRoutes } from '../../src/api/rest/routes.ts';
import { factOf } from '../support/mail-server.ts';
import { goodPassword, type Login, newAddress, somebody } from '../support/people.ts';
import { rawRequest } from '../support/raw-request.ts';
import { envelopeOf } from '../support/refusals.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;
let ada: Login & { readonly email: string };

beforeAll(async () => {
  service = await startService();
  ada = await somebody(service);
});
afterAll(() => service.close());

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

const registration = (email: string) => ({
  email,
  first_name: 'Grace',
  last_name: 'Hopper',
  password: goodPassword,
});

describe('HTTP', () => {
  const paths = [...new Set(restRoutes.map(({ path }) => path))];
  const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
  const wrong = paths.flatMap((path) => {
    const allowed = restRoutes.filter((row) => row.path === path).map(({ method }) => `${method}`);
    return methods
      .filter((method) => !allowed.includes(method))
      .map((method) => ({ method, path, allowed }));
  });

  test.each(wrong)('$method $path is 405 and Allow lists the allowed methods', async (row) => {
    const response = await service.rest(row.method, row.path.replace(/:\w+/, 'x'));
    expect(response.status).toBe(405);
    const allow = response.headers.get('allow')?.split(', ') ?? [];
    expect(allow.filter((method) => method !== 'HEAD' && method !== 'OPTIONS')).toEqual(
      row.allowed,
    );
    envelopeOf(response);
  });

  test.each(['/profile/view/', '/profile/has_group/Root/', '/profile/has_permission/x/'])(
    'HEAD %s has the headers of GET, without the body (RFC 9110 §9.3.2)',
    async (path) => {
      const response = await service.rest('HEAD', path, { token: ada.accessToken });
      expect(response.status).toBe(200);
      expect(response.text).toBe('');
    },
  );

  test.each(['/auth/', '/auth/nothing/', '/auth/login/more/', '/AUTH/LOGIN/', '//auth/login/'])(
    '%s is 404 in the common format',
    async (path) => {
      const response = await rawRequest(service.address, ['POST', path]);
      expect(response.status).toBe(404);
      expect(envelopeOf(response)).toMatchObject({ code: 'NOT_FOUND', fields: [] });
    },
  );

  const json = { 'content-type': 'application/json' };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const tooLarge = 'x'.repeat(150_000);
  const malformed: readonly (readonly [
    string,
    number,
    Readonly<Record<string, string>>,
    string,
  ])[] = [
    ['a large JSON body', 413, json, JSON.stringify({ email: tooLarge })],
    ['a large form', 413, form, `email=${tooLarge}`],
    ['a large body in chunks', 413, { ...json, 'transfer-encoding': 'chunked' }, tooLarge],
    ['half a JSON', 400, json, '{"email":'],
    ['white space as JSON', 400, json, ' '],
    ['a prototype in JSON', 400, json, '{"__proto__":{"email":"a@b.cd"}}'],
    ['XML', 415, { 'content-type': 'application/xml' }, '<email/>'],
    ['plain text', 415, { 'content-type': 'text/plain' }, '{"email":"a@b.cd","password":"x"}'],
    [
      'half a multipart form',
      400,
      { 'content-type': 'multipart/form-data; boundary=x' },
      '--x\r\n',
    ],
    [
      'a multipart form of another kind',
      415,
      { 'content-type': 'multipart/mixed; boundary=x' },
      '--x--',
    ],
    ['a body without a type', 415, {}, 'email=a@b.cd'],
    ['no content type at all', 415, { 'content-type': ';;;' }, '{}'],
  ];

  test.each(malformed)('%s is %i in the common format', async (_what, status, headers, body) => {
    const response = await rawRequest(service.address, ['POST', '/auth/login/'], { headers, body });
    expect(response.status).toBe(status);
    expect(envelopeOf(response)).toMatchObject({ code: 'VALIDATION_FAILED', fields: [] });
    expect(response.headers['x-content-type-options']).toBe('nosniff');
  });

  test.each([
    ['that is no percent-encoding', '/auth/profile/has_group/%zz-kanarie/'],
    ['that is no UTF-8', '/auth/profile/has_group/%ED%A0%80kanarie/'],
    ['that is unknown and malformed', '/auth/%kanarie'],
    ['that is too long', `/auth/profile/has_group/kanarie${'x'.repeat(600)}/`],
  ])('a URL %s is refused in the common format, unquoted', async (_what, path) => {
    const headers = bearer(ada.accessToken);
    const response = await rawRequest(service.address, ['GET', path], { headers });
    expect([400, 404, 414]).toContain(response.status);
    expect(response.text).not.toContain('kanarie');
    envelopeOf(response);
    expect(response.headers['x-content-type-options']).toBe('nosniff');
  });

  test('another Host is refused in the common format', async () => {
    const headers = { host: 'evil.example' };
    const response = await rawRequest(service.address, ['GET', '/auth/profile/view/'], { headers });
    expect(response.status).toBe(400);
    envelopeOf(response);
  });

  test('unused methods are refused', async () => {
    for (const method of ['TRACE', 'PROPFIND', 'LINK']) {
      const response = await rawRequest(service.address, [method, '/auth/profile/view/'], {
        headers: bearer(ada.accessToken),
      });
      expect([404, 405, 501]).toContain(response.status);
      envelopeOf(response);
    }
  });

  test('no response of the API may be stored', async () => {
    const email = newAddress();
    const responses = [
      await service.rest('POST', '/login/', { json: { email: ada.email, password: goodPassword } }),
      await service.rest('POST', '/login/', { json: { email: ada.email, password: 'wrong' } }),
      await service.rest('POST', '/register/', { json: registration(email) }),
      await service.rest('GET', '/register/verify?code=AAAAAAAAAAAAAAAAAAAAAA'),
      await service.rest('GET', '/profile/view/', { token: ada.accessToken }),
      await service.rest('GET', '/profile/view/', { token: 'x' }),
      await service.graphql('{ me { id } }', {}, ada.accessToken),
    ];
    for (const { headers } of responses) expect(headers.get('cache-control')).toBe('no-store');
  });

  test('every response has a request id and the security headers, and names no software', async () => {
    for (const path of ['/profile/view/', '/nothing/', '/login/']) {
      const { headers } = await service.rest('GET', path);
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('strict-transport-security')).toMatch(/max-age=\d{7,}/);
      expect(headers.get('server')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
    }
  });

  test('no origin is allowed by default', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://auth.test.evil.example']) {
      const { headers } = await service.rest('POST', '/login/', { json: {}, headers: { origin } });
      expect(headers.get('access-control-allow-origin')).toBeNull();
      expect(headers.get('access-control-allow-credentials')).toBeNull();
    }
  });

  test('unknown fields are ignored', async () => {
    const email = newAddress();
    const extra = { is_staff: true, isStaff: true, is_superuser: true, status: 'ACTIVE', id: 'x' };
    await service.rest('POST', '/register/', { json: { ...registration(email), ...extra } });
    const [mail] = await service.mail.waitFor(email);
    await service.rest('GET', `/register/verify?code=${factOf(mail, 'Code')}`);
    const [row] = await service.database.query(
      'select status, is_staff, is_superuser from users where email = $1',
      [email],
    );
    expect(row).toEqual({ status: 'ACTIVE', is_staff: false, is_superuser: false });
  });
});

describe('the reference of the REST API', () => {
  test('/docs is a page, and its files exist', async () => {
    const page = await fetch(`${service.address}/docs`, { headers: html });
    expect(page.status).toBe(200);
    const text = await page.text();
    const parts = [...text.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(([, url]) => url);
    expect(parts.length).toBeGreaterThan(2);
    for (const url of parts) {
      const part = await fetch(new URL(url ?? '', page.url));
      await part.arrayBuffer(); // an unread response delays the service's close
      expect(part.status, url).toBe(200);
    }
  });
});
