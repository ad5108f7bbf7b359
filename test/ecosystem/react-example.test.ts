/** The React example, and the proxy of docs/browser-apps.md, with the real Vite in Chromium. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { blocksOf } from '../docs/pages.ts';
import { findBrowser, launchBrowser, noBrowserReason } from '../support/browser.ts';
import { freePort } from '../support/free-port.ts';
import { runNpm } from '../support/machine.ts';
import { goodPassword, insertAccount, newAddress } from '../support/people.ts';
import type { Module } from '../support/recipes.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startService, type TestService } from '../support/service.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const executable = findBrowser();
if (!executable) console.warn(`skipped: the React example, as ${noBrowserReason}`);

const blockOf = (info: string) =>
  blocksOf('docs/browser-apps.md').find((block) => block.info === info)?.text ?? '';

describe.skipIf(!executable)('in Chromium', () => {
  let folder: string;
  let vite: Module;
  let service: TestService;
  let browser: Browser;
  let port: number;
  const origin = () => `http://localhost:${port}`;

  beforeAll(async () => {
    // Beside the files of the package, as in a checkout, and without the packages of the workspace.
    const directory = makeScratchDirectory('checkout');
    folder = join(directory, 'examples/react');
    cpSync(join(root, 'examples/react'), folder, {
      recursive: true,
      filter: (source) => !source.includes('node_modules'),
    });
    for (const name of ['package.json', 'dist'])
      cpSync(join(root, 'packages/client', name), join(directory, 'packages/client', name), {
        recursive: true,
      });
    runNpm(folder, ['ci', '--ignore-scripts']);
    vite = await import(pathToFileURL(join(folder, 'node_modules/vite/dist/node/index.js')).href);
    port = await freePort();
    const servicePort = await freePort();
    const environment = {
      PORT: String(servicePort),
      PUBLIC_URL: `http://localhost:${servicePort}`,
      CORS_ALLOWED_ORIGINS: origin(),
    };
    service = await startService({ environment });
    browser = await launchBrowser(executable ?? '');
  }, 300_000);
  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  const newUser = async () => {
    const email = newAddress();
    await insertAccount(service, { email, password: goodPassword });
    return email;
  };
  const openTab = async () => {
    const tab = await browser.newPage();
    tab.setDefaultTimeout(15_000);
    await tab.goto(origin());
    return tab;
  };
  const logIn = async (tab: Page, password: string) => {
    await tab.getByLabel('Password').fill(password);
    await tab.getByRole('button', { name: 'Log in' }).click();
  };
  const waitForUser = (tab: Page) => tab.getByText('Hello, Ada Lovelace').waitFor();

  test('the React example logs in, survives a reload, and logs out', async () => {
    process.env.VITE_GATEHOUSE_URL = service.app.config.publicUrl;
    await vite.build({ root: folder, logLevel: 'error' });
    const server = await vite.preview({ root: folder, preview: { port, strictPort: true } });
    onTestFinished(() => server.close());
    const tab = await openTab();
    await tab.getByLabel('Email').fill(await newUser());
    await logIn(tab, 'wrong');
    await tab.getByText('Incorrect email or password').waitFor();
    await logIn(tab, goodPassword);
    await waitForUser(tab);
    await tab.reload();
    await waitForUser(tab);
    await tab.getByRole('button', { name: 'Log out' }).click();
    await tab.getByLabel('Email').waitFor();
    await tab.reload();
    await tab.getByLabel('Email').waitFor();
    expect(await tab.context().cookies()).toEqual([]);
  });

  test('the app of the page works with Vite, through its proxy', async () => {
    const directory = join(folder, 'vanilla');
    mkdirSync(directory, { recursive: true });
    const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
    write('index.html', blockOf('html index.html'));
    write('main.js', blockOf('js main.js').replace('http://localhost:4000', '/gatehouse'));
    const { publicUrl } = service.app.config;
    write(
      'vite.config.js',
      blockOf('js vite.config.js').replace('http://localhost:4000', publicUrl),
    );
    const options = { root: directory, logLevel: 'error', server: { port, strictPort: true } };
    const server = await vite.createServer(options);
    await server.listen();
    onTestFinished(() => server.close());
    const tab = await openTab();
    await tab.getByLabel('Email').fill(await newUser());
    await logIn(tab, goodPassword);
    await waitForUser(tab);
    await tab.reload();
    await waitForUser(tab);
    await tab.getByRole('button', { name: 'My groups' }).click();
    await tab.getByText('0 groups').waitFor();
    const [cookie] = await tab.context().cookies(origin());
    expect(cookie).toMatchObject({ name: '__Host-gatehouse-session', domain: 'localhost' });
  });
});
