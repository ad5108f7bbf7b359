/**
 * Cookie mode in a real browser: an application on another origin of the same site, and pages of attackers on the same
 * site and on another one.
 */
import type { IncomingMessage } from 'node:http';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sessionCookieName } from '../../../src/api/http/session-cookie.ts';
import { findBrowser, launchBrowser, noBrowserReason } from '../../support/browser.ts';
import { loginDocument, refreshDocument } from '../../support/cookie-client.ts';
import { canRun } from '../../support/debian.ts';
import { freePort } from '../../support/free-port.ts';
import { type PageOrigin, servePageOrigin } from '../../support/page-origin.ts';
import { goodPassword, insertAccount, newAddress } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

const executable = findBrowser() ?? (canRun('chromium', 'chromium') ? findBrowser() : undefined);
if (executable === undefined) console.warn(`skipped: ${noBrowserReason}`);

interface Call {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly mode?: 'cors' | 'no-cors';
}

interface Answer {
  readonly status: number;
  readonly text: string;
  /** The name of the error if the browser gives the script no answer. */
  readonly fault?: string;
}

/** An answer that the browser has received and not processed (Chrome DevTools Protocol, Fetch.requestPaused). */
interface PausedAnswer {
  readonly requestId: string;
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  readonly resourceType: string;
  readonly responseStatusCode?: number;
}

/** Calls the service with credentials, from a script of the page. */
const fetchIn = (page: Page, call: Call): Promise<Answer> =>
  page.evaluate(async ({ url, ...init }) => {
    try {
      const response = await fetch(url, { method: 'POST', ...init, credentials: 'include' });
      return { status: response.status, text: await response.text() };
    } catch (error) {
      return { status: 0, text: '', fault: String(error) };
    }
  }, call);

const cookieMode = { 'content-type': 'application/json', 'x-session-transport': 'cookie' };

let browser: Browser;
beforeAll(async () => {
  if (executable !== undefined) browser = await launchBrowser(executable);
});
afterAll(() => browser?.close());

/** The forms of an attacker's page, with an action that its script sets. */
const types = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];
const forms = types.map(
  (type) => `<form method="post" enctype="${type}"><input name="query"></form>`,
);

describe.skipIf(executable === undefined).each([
  { host: 'localhost', otherHost: '127.0.0.1' },
  { host: '127.0.0.1', otherHost: 'localhost' },
])('in Chromium with the service on http://$host', ({ host, otherHost }) => {
  let app: PageOrigin;
  let evil: PageOrigin;
  let service: TestService;
  let context: BrowserContext;
  let address: string;

  beforeAll(async () => {
    const port = await freePort();
    address = `http://${host}:${port}`;
    [app, evil] = await Promise.all([servePageOrigin(), servePageOrigin(forms.join(''))]);
    service = await startService({
      environment: {
        PORT: String(port),
        PUBLIC_URL: address,
        CORS_ALLOWED_ORIGINS: `http://${host}:${app.port}`,
      },
    });
    context = await browser.newContext();
  });
  afterAll(async () => {
    await context.close();
    await Promise.all([service.close(), app[Symbol.asyncDispose](), evil[Symbol.asyncDispose]()]);
  });

  const openAt = async (origin: string): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(`${origin}/`);
    return page;
  };
  const openApp = () => openAt(`http://${host}:${app.port}`);
  const cookies = () => context.cookies(address);
  const sessions = () =>
    service.database.query('select id, refresh_counter, ended_at, last_used_at from sessions');

  const graphql = async (page: Page, query: string, variables: object = {}, token?: string) => {
    const body = JSON.stringify({ query, variables });
    const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const headers = { ...cookieMode, ...bearer };
    const answer = await fetchIn(page, { url: `${address}/graphql`, headers, body });
    expect(answer.fault).toBeUndefined();
    return { status: answer.status, ...JSON.parse(answer.text) };
  };
  const refresh = async (page: Page) => (await graphql(page, refreshDocument)).data.result;
  const me = (page: Page, token: string) => graphql(page, '{ me { email } }', {}, token);

  const logIn = async (page: Page): Promise<{ email: string; accessToken: string }> => {
    const email = newAddress();
    await insertAccount(service, { email, password: goodPassword });
    const { data } = await graphql(page, loginDocument, {
      input: { email, password: goodPassword },
    });
    expect(data.login).toMatchObject({ __typename: 'TokenPair', refreshToken: null });
    return { email, accessToken: data.login.accessToken };
  };

  test('an application logs in, survives a reload and an expired token, and logs out', async () => {
    const page = await openApp();
    const { email, accessToken } = await logIn(page);
    expect((await me(page, accessToken)).data.me.email).toBe(email);
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await cookies()).toEqual([
      expect.objectContaining({
        name: '__Host-gatehouse-session',
        domain: host,
        path: '/',
        httpOnly: true,
        secure: true,
        sameSite: 'Lax',
      }),
    ]);

    await page.reload();
    const renewed = await refresh(page);
    expect((await me(page, renewed.accessToken)).data.me.email).toBe(email);

    service.advance(400);
    expect((await me(page, renewed.accessToken)).status).toBe(401);
    const again = await refresh(page);
    expect((await me(page, again.accessToken)).data.me.email).toBe(email);

    const other = await openApp();
    const both = await Promise.all([refresh(page), refresh(other)]);
    for (const { accessToken: token } of both) {
      expect((await me(other, token)).data.me.email).toBe(email);
    }
    expect((await refresh(other)).__typename).toBe('TokenPair');

    const headers = { 'x-session-transport': 'cookie' };
    const url = `${address}/auth/logout/`;
    expect(await fetchIn(page, { url, headers })).toEqual({ status: 204, text: '' });
    expect(await cookies()).toEqual([]);
    expect(await refresh(other)).toMatchObject({ code: 'INVALID_TOKEN' });
    expect((await me(other, again.accessToken)).status).toBe(401);
  });

  describe('the page of an attacker', () => {
    let page: Page;
    beforeAll(async () => {
      page = await openApp();
      await logIn(page);
    });

    const attackers = [
      {
        who: 'of another site',
        originOf: () => `http://${otherHost}:${evil.port}`,
        hasCookie: false,
      },
      { who: 'of the same site', originOf: () => `http://${host}:${evil.port}`, hasCookie: true },
    ];

    /** Whether the browser sends the cookie with requests of the attacker, which SameSite decides. */
    const watchCookies = () => {
      const seen = new Set<boolean>();
      const watch = ({ method, headers }: IncomingMessage) => {
        if (method === 'POST') seen.add(headers.cookie?.includes(sessionCookieName) ?? false);
      };
      service.server.on('request', watch);
      return () => {
        service.server.off('request', watch);
        return [...seen];
      };
    };

    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const plain = { 'content-type': 'text/plain' };
    const logout = JSON.stringify({ query: 'mutation { logout { __typename } }' });
    const requests: readonly Omit<Call, 'mode'>[] = [
      { url: '/graphql', headers: cookieMode, body: logout },
      { url: '/graphql', headers: { 'content-type': 'application/json' }, body: logout },
      { url: '/graphql', headers: plain, body: logout },
      { url: '/graphql', headers: form, body: 'query=mutation{refreshTokens{__typename}}' },
      { url: '/auth/token/refresh/', headers: cookieMode, body: '{}' },
      { url: '/auth/token/refresh/', headers: form, body: 'a=b' },
      { url: '/auth/token/refresh/', headers: plain, body: '{}' },
      { url: '/auth/token/refresh/' },
      { url: '/auth/logout/', headers: { 'x-session-transport': 'cookie' } },
      { url: '/auth/logout/' },
      { url: '/auth/logout/', method: 'DELETE' },
    ];

    /** Runs an attack from the origin, which must not change a cookie or a session. */
    const expectNoEffect = async (
      { originOf, hasCookie }: (typeof attackers)[number],
      attack: (page: Page) => Promise<void>,
    ) => {
      const before = [await cookies(), await sessions()];
      const cookiesSeen = watchCookies();
      await attack(await openAt(originOf()));
      expect(cookiesSeen()).toEqual([hasCookie]);
      expect([await cookies(), await sessions()]).toEqual(before);
    };

    test.each(attackers)('$who reads nothing and changes nothing by fetch', (attacker) =>
      expectNoEffect(attacker, async (attack) => {
        for (const request of requests) {
          const call = { ...request, url: address + request.url };
          const { fault } = await fetchIn(attack, call);
          expect(fault).toContain('Failed to fetch');
          if (request.method === 'DELETE') continue; // no browser sends it without a preflight
          const { status, text } = await fetchIn(attack, { ...call, mode: 'no-cors' });
          expect([status, text]).toEqual([0, '']);
        }
      }),
    );

    const paths = ['/graphql', '/auth/token/refresh/', '/auth/logout/', '/auth/login/'];

    test.each(attackers)('$who changes nothing by forms', (attacker) =>
      expectNoEffect(attacker, async (attack) => {
        // The browser stays on the page of the attacker, because a new process for each answer is expensive.
        const devtools = await context.newCDPSession(attack);
        const answers = { urlPattern: `${address}/*`, requestStage: 'Response' } as const;
        await devtools.send('Fetch.enable', { patterns: [answers] });
        for (const [path, index] of paths.flatMap((it) =>
          types.map((_, at) => [it, at] as const),
        )) {
          const answered = new Promise<PausedAnswer>((resolve) => {
            devtools.once('Fetch.requestPaused', resolve);
          });
          await attack.evaluate(
            `document.forms[${index}].action = ${JSON.stringify(address + path)}; document.forms[${index}].submit()`,
          );
          const { requestId, request, resourceType, responseStatusCode } = await answered;
          expect([request.method, request.url, resourceType]).toEqual([
            'POST',
            address + path,
            'Document',
          ]);
          expect(request.headers['Content-Type']).toContain(types[index]);
          expect(responseStatusCode).toBeGreaterThanOrEqual(400);
          await devtools.send('Fetch.failRequest', { requestId, errorReason: 'Aborted' });
        }
      }),
    );

    test('leaves the application logged in', async () => {
      expect((await refresh(page)).__typename).toBe('TokenPair');
    });
  });
});
