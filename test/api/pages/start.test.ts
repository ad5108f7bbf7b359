/** The start page, and the pages for addresses without a page. Programs get JSON at the same addresses. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { titleOf } from '../../support/page.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { startService, type TestService } from '../../support/service.ts';
import { createVisitor } from '../../support/visitor.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({
    environment: { EMAIL_HOST: '', APP_URL: 'https://app.example/' },
  });
});
afterAll(() => service.close());

describe('/', () => {
  test('shows people what the service offers, and developers their tools', async () => {
    const { status, html, headers } = await createVisitor(service).open('/');
    expect(status).toBe(200);
    const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, href]) => href);
    expect(links).toEqual(
      expect.arrayContaining([
        ...['/sign-in', '/register', '/forgot-password', 'https://app.example/'],
        ...['/docs', '/graphql/ide/', '/dev/mailbox'],
      ]),
    );
    expect(headers.get('vary')).toContain('Accept');
    for (const path of ['/docs', '/graphql/ide/', '/dev/mailbox']) {
      expect((await fetch(service.address + path)).status).toBe(200);
    }
  });

  test('shows no tools of developers in production settings', async () => {
    await using plain = await startService({ environment: { DEBUG: 'False' } });
    const { html } = await createVisitor(plain).open('/');
    expect(html).toContain('href="/sign-in"');
    expect(html).not.toMatch(/docs|graphql|mailbox/i);
  });

  test('answers programs with the addresses of the endpoints', async () => {
    const response = await fetch(service.address);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    const { message, data } = (await response.json()) as {
      message: string;
      data: Record<string, string>;
    };
    expect(message).toBe('Gatehouse');
    for (const url of Object.values(data)) {
      const { pathname, origin } = new URL(url);
      expect(origin).toBe('http://auth.test');
      const answer = await fetch(service.address + pathname);
      // GraphQL needs a query, and the REST prefix has no resource.
      expect([200, 400, 404], pathname).toContain(answer.status);
    }
  });

  test.each(['text/html', 'application/json'])(
    'HEAD has the headers of GET for %s',
    async (accept) => {
      const response = await fetch(service.address, { method: 'HEAD', headers: { accept } });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toContain(accept);
      expect(await response.text()).toBe('');
    },
  );
});

describe('a missing page', () => {
  test.each(['/nothing', '/sign-in/more', '/auth/nothing/', '/assets/none.css', '/docs/static/x'])(
    '%s is a page for a browser',
    async (path) => {
      const english = await createVisitor(service).open(path);
      expect([english.status, titleOf(english)]).toEqual([404, 'Page not found']);
      expect(english.html).toContain('class="button" href="/"');
      const spanish = await createVisitor(service, { language: 'es' }).open(path);
      expect(titleOf(spanish)).toBe('Página no encontrada');
      expect(spanish.headers.get('x-content-type-options')).toBe('nosniff');
      expect(spanish.headers.get('content-security-policy')).toContain("default-src 'none'");
    },
  );

  test('an address without GET is a page for a browser too', async () => {
    const page = await createVisitor(service).open('/auth/login/');
    expect([page.status, titleOf(page)]).toEqual([405, 'Page not found']);
    expect(page.headers.get('allow')).toContain('POST');
  });

  test('an address that cannot be decoded is a page for a browser', async () => {
    const headers = { accept: 'text/html' };
    const response = await rawRequest(service.address, ['GET', '/%zz'], { headers });
    expect(response.status).toBe(400);
    expect(response.headers['content-type']).toContain('text/html');
    expect(response.headers['x-frame-options']).toBe('DENY');
  });

  test.each([
    ['GET', '*/*'],
    ['GET', 'application/json'],
    ['POST', 'text/html'],
    ['DELETE', 'text/html'],
  ])('%s with Accept: %s is JSON', async (method, accept) => {
    for (const path of ['/nothing', '/auth/nothing/', '/graphql/nothing']) {
      const response = await fetch(service.address + path, { method, headers: { accept } });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ data: { code: 'NOT_FOUND' } });
    }
  });
});
