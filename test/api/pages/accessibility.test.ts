/**
 * The pages in Chromium: axe finds no fault in any state, light and dark, wide and narrow. The same visits show that
 * forms lead to an application on another origin, that other sites cannot send them, and what the script adds.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import axe from 'axe-core';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBrowser, launchBrowser, noBrowserReason } from '../../support/browser.ts';
import { changeLinks, resetLink, verificationLink } from '../../support/page-links.ts';
import { goodPassword, newAddress, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

const executable = findBrowser();

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** Runs axe outside of the security policy of the page. Returns the faults. */
async function faultsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResult>('axe.run()');
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${page.url()} ${id}: ${html} ${failureSummary}`),
  );
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // of a TCP server
}

describe.skipIf(executable === undefined)(
  executable === undefined ? `skipped: ${noBrowserReason}` : 'in Chromium',
  () => {
    let service: TestService;
    let browser: Browser;
    let application: Server;
    let appUrl: string;

    beforeAll(async () => {
      application = createServer((_request, response) => {
        response.setHeader('content-type', 'text/html');
        response.end('<!doctype html><title>App</title><h1>The application</h1>');
      });
      appUrl = await listen(application);
      const environment = {
        APP_NAME: 'Acme',
        APP_URL: appUrl,
        SUPPORT_EMAIL: 'help@acme.example',
        BRAND_COLOR: '#0b6e4f',
      };
      [service, browser] = await Promise.all([
        startService({ environment }),
        launchBrowser(executable ?? ''),
      ]);
    });
    afterAll(async () => {
      await browser.close();
      await service.close();
      application.close();
    });

    const open = async (context: BrowserContext, path: string) => {
      const page = context.pages()[0] ?? (await context.newPage());
      await page.goto(service.address + path);
      return page;
    };
    const pathOf = (link: string) => new URL(link).pathname + new URL(link).search;
    const submit = (page: Page) => page.locator('button[type=submit]').first().click();
    const signIn = async (page: Page, email: string) => {
      await page.locator('#email').fill(email);
      await page.locator('#password').fill(goodPassword);
      await submit(page);
    };

    test.each([
      ['wide and light', { colorScheme: 'light', viewport: { width: 1280, height: 800 } }],
      ['wide and dark', { colorScheme: 'dark', viewport: { width: 1280, height: 800 } }],
      ['narrow and light', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
      ['narrow and dark', { colorScheme: 'dark', viewport: { width: 390, height: 844 } }],
    ] satisfies [string, BrowserContextOptions][])(
      'axe finds nothing, and nothing is wider than the screen: %s',
      async (_, options) => {
        const locale = options.colorScheme === 'dark' ? 'es-ES' : 'en-US';
        const context = await browser.newContext({ ...options, locale });
        const { email } = await somebody(service);
        const change = await changeLinks(service);
        const dead = `code=${'A'.repeat(22)}&uid=AAAA&token=${'A'.repeat(22)}`;
        const faults: string[] = [];
        const checked: string[] = [];
        const check = async (page: Page) => {
          faults.push(...(await faultsOf(page)));
          const width = await page.evaluate<number>('document.documentElement.scrollWidth');
          if (width > options.viewport.width) faults.push(`${page.url()} is ${width} px wide`);
          checked.push(await page.locator('h1').innerText());
        };
        for (const path of [
          ...['/', '/sign-in', '/sign-in?return_to=//evil', '/register', '/forgot-password'],
          ...['/resend-verification', '/sign-out', '/nothing', '/auth/login/', '/verify-email'],
          ...['/verify-email', '/reset-password', '/confirm-email-change'].map(
            (it) => `${it}?${dead}`,
          ),
          ...[`/cancel-email-change?${dead}`, '/reset-password'],
          ...[
            pathOf((await verificationLink(service)).link),
            pathOf((await resetLink(service)).link),
          ],
          ...[pathOf(change.confirm.link), pathOf(change.cancel.link)],
        ]) {
          await check(await open(context, path));
        }
        // Submitted forms: faulty, then done.
        for (const path of ['/sign-in', '/register', '/forgot-password', '/resend-verification']) {
          const page = await open(context, path);
          await submit(page);
          await check(page);
        }
        for (const path of [
          (await verificationLink(service)).link,
          (await resetLink(service)).link,
        ]) {
          const page = await open(context, pathOf(path));
          for (const field of await page.locator('input[type=password]').all()) {
            await field.fill(goodPassword);
          }
          await submit(page);
          await check(page);
        }
        for (const { link } of [change.confirm]) {
          const page = await open(context, pathOf(link));
          await submit(page);
          await check(page);
        }
        const register = await open(context, '/register');
        await register.locator('#firstName').fill('Ada');
        await register.locator('#email').fill(newAddress());
        await register.locator('#password').fill(goodPassword);
        await register.locator('.reveal').click();
        await check(register);
        await submit(register);
        await check(register);
        const forgot = await open(context, '/forgot-password');
        await forgot.locator('#email').fill(newAddress());
        await submit(forgot);
        await check(forgot);
        const page = await open(context, '/sign-in');
        await page.locator('#email').fill(email);
        await page.locator('#password').fill('wrong password');
        await submit(page);
        await check(page);
        await signIn(page, email);
        await page.waitForURL(`${appUrl}/`);
        for (const path of ['/', '/sign-in', '/sign-out']) await check(await open(context, path));
        await submit(page);
        await check(page);
        expect(checked).toHaveLength(34);
        expect(faults).toEqual([]);
        await context.close();
      },
      120_000,
    );

    test.each([true, false])(
      'a form leads to the application on another origin, with JavaScript: %s',
      async (javaScriptEnabled) => {
        const context = await browser.newContext({ javaScriptEnabled });
        const { email } = await somebody(service);
        const page = await open(
          context,
          `/sign-in?return_to=${encodeURIComponent(`${appUrl}/a?b=1`)}`,
        );
        await signIn(page, email);
        await page.waitForURL(`${appUrl}/a?b=1`);
        expect(await page.locator('h1').innerText()).toBe('The application');
        const question = await open(
          context,
          `/sign-out?return_to=${encodeURIComponent(`${appUrl}/bye`)}`,
        );
        await submit(question);
        await question.waitForURL(`${appUrl}/bye`);
        const [cookies] = [await context.cookies(service.address)];
        expect(cookies).toEqual([]);
        await context.close();
      },
    );

    test('a page of another site can neither sign a visitor in nor out', async () => {
      const context = await browser.newContext();
      const { email } = await somebody(service);
      const page = await open(context, '/sign-in');
      await signIn(page, email);
      await page.waitForURL(`${appUrl}/`);
      const attack = async (path: string, fields: Record<string, string>) => {
        const inputs = Object.entries(fields).map(
          ([name, value]) => `<input name="${name}" value="${value}">`,
        );
        await page.goto(`${appUrl}/`);
        await page.setContent(
          `<form method="post" action="${service.address}${path}">${inputs.join('')}<button>x</button></form>`,
        );
        const answer = page.waitForResponse((response) => response.url().endsWith(path));
        await page.locator('button').click();
        return (await answer).status();
      };
      const { email: other } = await somebody(service);
      expect(await attack('/sign-out', {})).toBe(403);
      expect(await attack('/sign-in', { email: other, password: goodPassword })).toBe(403);
      const start = await open(context, '/sign-in');
      expect(await start.getByRole('main').innerText()).toContain(email);
      await context.close();
    });

    test('axe finds the faults of a page that has some', async () => {
      const context = await browser.newContext();
      const page = await open(context, '/sign-in');
      await page.evaluate('document.querySelector("label[for=email]").remove()');
      await page.evaluate('document.querySelector("h1").style.color = "#eee"');
      const faults = (await faultsOf(page)).join();
      expect(faults).toContain(' label: ');
      expect(faults).toContain(' color-contrast: ');
      await context.close();
    });

    test('a dead link sends a new one', async () => {
      const context = await browser.newContext({ javaScriptEnabled: false });
      const { email } = await somebody(service);
      const page = await open(context, `/reset-password?uid=AAAA&token=${'A'.repeat(22)}`);
      await page.locator('#email').fill(email);
      await submit(page);
      expect(await page.locator('h1').innerText()).toBe('Check your mail');
      await context.close();
    });

    test('the button of the script shows and hides the password, and exists with the script only', async () => {
      const context = await browser.newContext();
      const page = await open(context, '/register');
      const field = page.locator('#password');
      await field.fill('a visible password');
      const button = page.getByRole('button', { name: 'Show password' });
      await button.click();
      expect(await field.getAttribute('type')).toBe('text');
      await page.getByRole('button', { name: 'Hide password' }).click();
      expect(await field.getAttribute('type')).toBe('password');
      await context.close();
      const plain = await browser.newContext({ javaScriptEnabled: false });
      const without = await open(plain, '/register');
      expect(await without.getByRole('button').count()).toBe(1);
      await plain.close();
    });
  },
);
