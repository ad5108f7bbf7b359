/** Codes over REST and the page: HEAD, prefetch and browsers do not consume a code, the button does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goodPassword, register, tryLogin } from '../support/people.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const html = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

describe('a request that only reads does not consume a code', () => {
  const readRequests: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
    ['HEAD', 'HEAD', {}],
    ['HEAD for a page', 'HEAD', html],
    ['GET for a page', 'GET', html],
    ['GET with Purpose: prefetch', 'GET', { purpose: 'prefetch' }],
    ['GET with Sec-Purpose: prefetch;prerender', 'GET', { 'sec-purpose': 'prefetch;prerender' }],
  ];

  test.each(readRequests)('%s', async (_name, method, headers) => {
    const { code, email } = await register(service);
    for (const base of ['/auth/register/verify', '/auth/register/verify/', '/verify-email']) {
      if (base === '/verify-email' && method === 'HEAD') continue;
      for (let round = 0; round < 3; round += 1) {
        const look = await rawRequest(service.address, [method, `${base}?code=${code}`], {
          headers,
        });
        expect(look.status).toBe(200);
        expect(look.headers['cache-control']).toBe('no-store');
      }
    }
    expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    expect((await service.rest('GET', `/register/verify?code=${code}`)).status).toBe(200);
  });

  test.each(['/auth/register/verify', '/verify-email'])(
    'a browser at %s gets a page whose button confirms the address, once',
    async (path) => {
      const { code, email } = await register(service);
      const page = await fetch(`${service.address}${path}?code=${code}`, { headers: html });
      expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(page.headers.get('content-security-policy')).toContain("form-action 'self'");
      expect(page.headers.get('referrer-policy')).toBe('no-referrer');
      const pressed = await pressButton(page.url, await page.text());
      expect(pressed.status).toBe(200);
      expect(await pressed.text()).toContain('Address confirmed');
      expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
      const again = await pressButton(
        page.url,
        `<form method="post" action="/verify-email">
        <input type="hidden" name="code" value="${code}">`,
      );
      expect(again.status).toBe(400);
      expect(await again.text()).not.toContain(code);
    },
  );

  test('a code is escaped on the page, and absent from an error page', async () => {
    const evil = '"><script>alert(1)</script>';
    const query = new URLSearchParams({ code: evil }).toString();
    const page = await fetch(`${service.address}/verify-email?${query}`, { headers: html });
    expect(await page.text()).not.toContain('<script');
    const pressed = await fetch(`${service.address}/verify-email`, {
      method: 'POST',
      body: new URLSearchParams({ code: evil }),
    });
    expect(pressed.status).toBe(400);
    expect(await pressed.text()).not.toMatch(/alert|script/);
  });
});

/** Submits the form of the page as a browser does. */
function pressButton(pageUrl: string, page: string): Promise<Response> {
  const action = /<form method="post" action="([^"]+)"/.exec(page)?.[1];
  const value = /<input type="hidden" name="code" value="([^"]+)"/.exec(page)?.[1];
  if (action === undefined || value === undefined) throw new Error(`no form in: ${page}`);
  return fetch(new URL(action, pageUrl), {
    method: 'POST',
    headers: html,
    body: new URLSearchParams({ code: value, password: goodPassword }),
  });
}
