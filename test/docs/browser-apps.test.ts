/** The apps of docs/browser-apps.md in Chromium, on another origin than the service. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findBrowser, launchBrowser, noBrowserReason } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { goodPassword, insertAccount, newAddress } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';
import { blocksOf } from './pages.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const executable = findBrowser();
if (!executable) console.warn(`skipped: the apps of docs/browser-apps.md, as ${noBrowserReason}`);

const blocks = blocksOf('docs/browser-apps.md');
const blockOf = (info: string) => {
  const text = blocks.find((block) => block.info === info)?.text;
  if (text === undefined) throw new Error(`docs/browser-apps.md has no block ${info}`);
  return text;
};

test('the React app of the page is the example', () => {
  expect(blockOf('jsx App.jsx')).toBe(
    readFileSync(join(root, 'examples/react/src/App.jsx'), 'utf8'),
  );
});

/** Serves the files of the page as Vite does: it resolves the import of the package. */
function serveApp(gatehouse: string): Server {
  const imports = { '@gatehouse-auth/client': '/client/client.js' };
  const map = `<script type="importmap">${JSON.stringify({ imports })}</script>`;
  const files: Readonly<Record<string, () => string>> = {
    '/': () => blockOf('html index.html').replace('<title>', `${map}<title>`),
    '/main.js': () => blockOf('js main.js'),
    '/plain.js': () => blockOf('js plain.js'),
    '/empty': () => `<!doctype html>${map}`,
  };
  return createServer(({ url = '/' }, response) => {
    const isModule = url.startsWith('/client/');
    const file = new URL(`../../packages/client/dist/${url.slice(8)}`, import.meta.url);
    const text = isModule ? readFileSync(file, 'utf8') : files[url]?.();
    response.writeHead(text === undefined ? 404 : 200, {
      'content-type': url.endsWith('.js') ? 'text/javascript' : 'text/html',
    });
    response.end(text?.replaceAll('http://localhost:4000', gatehouse));
  });
}

describe.skipIf(!executable)('in Chromium', () => {
  let service: TestService;
  let app: Server;
  let browser: Browser;
  let origin: string;
  let context: BrowserContext;
  let requests: string[];

  beforeAll(async () => {
    const port = await freePort();
    const gatehouse = `http://localhost:${port}`;
    app = serveApp(gatehouse).listen(0, '127.0.0.1');
    await once(app, 'listening');
    origin = `http://localhost:${(app.address() as AddressInfo).port}`; // as: it listens on TCP
    const environment = {
      PORT: String(port),
      PUBLIC_URL: gatehouse,
      CORS_ALLOWED_ORIGINS: origin,
      ALLOWED_RETURN_URLS: origin,
    };
    service = await startService({ environment });
    browser = await launchBrowser(executable ?? '');
  });
  afterAll(async () => {
    await browser.close();
    app.close();
    await service.close();
  });

  beforeEach(async () => {
    context = await browser.newContext();
    context.setDefaultTimeout(20_000);
    requests = [];
    context.on('request', (request) => {
      const [, name] = /(?:mutation|query) (\w+)/.exec(request.postData() ?? '') ?? [];
      if (name) requests.push(name);
    });
  });
  afterEach(() => context.close());

  const newUser = async (firstName: string) => {
    const email = newAddress();
    await insertAccount(service, { email, password: goodPassword, firstName });
    return email;
  };
  const openTab = async (path = '/') => {
    const tab = await context.newPage();
    await tab.goto(`${origin}${path}`);
    return tab;
  };
  const logIn = async (tab: Page, email: string, password = goodPassword) => {
    await tab.getByLabel('Email').fill(email);
    await tab.getByLabel('Password').fill(password);
    await tab.getByRole('button', { name: 'Log in' }).click();
  };
  const waitForUser = (tab: Page, firstName: string) =>
    tab.getByText(`Hello, ${firstName} Lovelace`).waitFor();
  const waitForForm = (tab: Page) => tab.getByRole('button', { name: 'Log in' }).waitFor();
  const loggedIn = async (firstName = 'Ada') => {
    const email = await newUser(firstName);
    const tab = await openTab();
    await logIn(tab, email);
    await waitForUser(tab, firstName);
    return { tab, email };
  };

  test('the app logs in, survives a reload and an expired token, and logs out', async () => {
    const email = await newUser('Ada');
    const tab = await openTab();
    await logIn(tab, email, 'wrong');
    await tab.getByText('Incorrect email or password').waitFor();
    await logIn(tab, email);
    await waitForUser(tab, 'Ada');
    await tab.reload();
    await waitForUser(tab, 'Ada');
    service.advance(400);
    await tab.getByRole('button', { name: 'My groups' }).click();
    await tab.getByText('0 groups').waitFor();
    service.advance(-400);
    await tab.getByRole('button', { name: 'Log out' }).click();
    await waitForForm(tab);
    await tab.reload();
    await waitForForm(tab);
    expect(await context.cookies()).toEqual([]);
  });

  test('no script can read the refresh token', async () => {
    const { tab } = await loggedIn();
    const [cookie] = await context.cookies(service.app.config.publicUrl);
    expect(cookie).toMatchObject({ name: '__Host-gatehouse-session', httpOnly: true });
    const readable = await tab.evaluate('document.cookie + JSON.stringify(localStorage)');
    expect(readable).toBe('{}');
  });

  test('a logout, and a login as somebody else, in one tab reach the others', async () => {
    const { tab } = await loggedIn();
    const other = await openTab();
    await waitForUser(other, 'Ada');
    await other.getByRole('button', { name: 'Log out' }).click();
    await waitForForm(tab);
    await logIn(other, await newUser('Grace'));
    await waitForUser(tab, 'Grace');
    await tab.getByRole('button', { name: 'My groups' }).click();
    await tab.getByText('0 groups').waitFor();
    expect(await tab.locator('#name').textContent()).toBe('Grace Lovelace');
  });

  /** Opens a client in an empty page of each tab, and refreshes at once in all of them. */
  const refreshInTabs = async (count: number, rounds: number, script: string) => {
    await context.addInitScript(script);
    const tabs: Page[] = [];
    while (tabs.length < count) tabs.push(await openTab('/empty'));
    requests.length = 0;
    const { publicUrl } = service.app.config;
    const refreshes = `import('@gatehouse-auth/client').then(async ({ createClient }) => {
      const client = createClient({ url: ${JSON.stringify(publicUrl)}, transport: 'cookie' });
      const users = [];
      for (let round = 0; round < ${rounds}; round += 1)
        users.push((await Promise.all([client.refresh(), client.refresh()]))[1]?.firstName);
      return users;
    })`;
    return Promise.all(tabs.map((tab) => tab.evaluate(refreshes)));
  };

  test.each([
    ['four tabs that refresh at once, again and again,', 4, 5, ''],
    ['four tabs without BroadcastChannel', 4, 5, 'delete globalThis.BroadcastChannel'],
    // REFRESH_GRACE of the service then permits two refreshes with one token.
    [
      'two tabs without Web Locks',
      2,
      1,
      'Object.defineProperty(navigator, "locks", { value: undefined })',
    ],
  ])('%s keep their session', async (_name, count, rounds, script) => {
    await loggedIn();
    const users = await refreshInTabs(count, rounds, script);
    expect(users).toEqual(Array(count).fill(Array(rounds).fill('Ada')));
    expect(requests).toHaveLength(count * rounds);
    await waitForUser(await openTab(), 'Ada');
  });

  test('an app without a session asks once, and logs no error', async () => {
    const errors: string[] = [];
    const tab = await context.newPage();
    tab.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('404'))
        errors.push(message.text());
    });
    tab.on('pageerror', (error) => errors.push(error.message));
    await tab.goto(origin);
    await waitForForm(tab);
    expect([requests, errors]).toEqual([['Refresh'], []]);
  });

  test('the pages of the service sign in and out all tabs of the app', async () => {
    const { publicUrl } = service.app.config;
    const other = await openTab();
    await waitForForm(other);
    const tab = await context.newPage();
    const openPage = (path: string) =>
      tab.goto(`${publicUrl}${path}?return_to=${encodeURIComponent(`${origin}/`)}`);
    await openPage('/sign-in');
    await tab.locator('input[autocomplete~="username"]').fill(await newUser('Ada'));
    await tab.locator('input[type="password"]').fill(goodPassword);
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await Promise.all([tab, other].map((each) => waitForUser(each, 'Ada')));
    expect(new URL(tab.url()).origin).toBe(origin);
    await openPage('/sign-out');
    await tab.getByRole('button', { name: 'Sign out' }).click();
    await Promise.all([tab, other].map(waitForForm));
    expect(new URL(tab.url()).origin).toBe(origin);
  });

  test('the requests without the package do the same', async () => {
    const email = await newUser('Ada');
    const tab = await openTab('/empty');
    const credentials = `${JSON.stringify(email)}, ${JSON.stringify(goodPassword)}`;
    const first = await tab.evaluate(
      `import('/plain.js').then(async (app) => {
        const wrong = await app.logIn(${JSON.stringify(email)}, 'wrong');
        const { user } = await app.logIn(${credentials});
        return [wrong.code, user.fullName, (await app.me()).fullName];
      })`,
    );
    await tab.reload();
    const second = await tab.evaluate(
      `import('/plain.js').then(async (app) => {
        const { user } = await app.refresh();
        await app.logOut();
        return [user.fullName, (await app.refresh()).code];
      })`,
    );
    expect(first).toEqual(['INVALID_CREDENTIALS', 'Ada Lovelace', 'Ada Lovelace']);
    expect(second).toEqual(['Ada Lovelace', 'INVALID_TOKEN']);
  });

  test('an origin that is not listed gets no session', async () => {
    const stranger = serveApp(service.app.config.publicUrl).listen(0, '127.0.0.1');
    await once(stranger, 'listening');
    const tab = await context.newPage();
    await tab.goto(`http://localhost:${(stranger.address() as AddressInfo).port}/`); // as: TCP
    await tab.getByText('does not answer').waitFor();
    stranger.close();
    expect(await context.cookies()).toEqual([]);
  });
});
