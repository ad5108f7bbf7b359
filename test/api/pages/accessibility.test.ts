/**
 * The pages in Chromium: axe finds no fault in any state, light and dark, wide and narrow. The same visits show that
 * forms lead to an application on another origin, that other sites cannot send them, and what the script adds.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultsOf, openAxeContext } from '../../support/axe.ts';
import { findBrowser, launchBrowser, noBrowserReason } from '../../support/browser.ts';
import { changeLinks, resetLink, verificationLink } from '../../support/page-links.ts';
import { goodPassword, newAddress, somebody } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

const executable = findBrowser();

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
    const submit = async (page: Page) => {
      const loaded = page.waitForEvent('load');
      await page.locator('button[type=submit]').first().click();
      await loaded;
    };
    const signIn = async (page: Page, email: string) => {
      await page.locator('#email').fill(email);
      await page.locator('#password').fill(goodPassword);
      await submit(page);
    };

    test.each(['en-US', 'es-ES'])(
      'axe finds nothing, and nothing is wider than the screen: %s',
      async (locale) => {
        const context = await openAxeContext(browser, locale);
        const { email } = await somebody(service);
        const change = await changeLinks(service);
        const dead = `code=${'A'.repeat(22)}&uid=AAAA&token=${'A'.repeat(22)}`;
        const faults: string[] = [];
        const checked: string[] = [];
        const check = async (page: Page) => {
          faults.push(...(await faultsOf(page)));
          checked.push(await page.locator('h1').innerText());
        };
        for (const path of [
          ...['/', '/sign-in?return_to=//evil', '/sign-out', '/nothing', '/auth/login/'],
          ...['/verify-email', '/reset-password', '/confirm-email-change'].map(
            (it) => `${it}?${dead}`,
          ),
          ...[`/cancel-email-change?${dead}`, '/verify-email', '/reset-password'],
          pathOf(change.cancel.link),
        ]) {
          await check(await open(context, path));
        }
        // Empty forms, which are refused, and those of links, which are done.
        for (const path of [
          ...['/sign-in', '/register', '/forgot-password', '/resend-verification'],
          ...[(await verificationLink(service)).link, (await resetLink(service)).link].map(pathOf),
          pathOf(change.confirm.link),
        ]) {
          const page = await open(context, path);
          await check(page);
          const passwords = path.includes('?') ? page.locator('input[type=password]') : undefined;
          for (const field of (await passwords?.all()) ?? []) await field.fill(goodPassword);
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
      const context = await openAxeContext(browser);
      const page = await open(context, '/sign-in');
      const faultsWith = async (styles: string) => {
        await page.evaluate(`document.adoptedStyleSheets = [new CSSStyleSheet()];
          document.adoptedStyleSheets[0].replaceSync(${JSON.stringify(styles)})`);
        return faultsOf(page);
      };
      const only = (where: string, fault: string) =>
        expect.stringMatching(new RegExp(`/sign-in, ${where}: ${fault}`));
      expect(
        await faultsWith('@media (prefers-color-scheme: dark) { h1 { color: #333 } }'),
      ).toEqual([
        only('dark, 1280 px', 'color-contrast: <h1>'),
        only('dark, 390 px', 'color-contrast: <h1>'),
      ]);
      expect(await faultsWith('@media (max-width: 390px) { h1 { width: 400px } }')).toEqual([
        only('dark, 390 px', 'too wide: 4\\d\\d px'),
        only('light, 390 px', 'too wide: 4\\d\\d px'),
      ]);
      await page.evaluate('document.querySelector("label[for=email]").remove()');
      expect(await faultsWith('h1 { color: #eee }')).toEqual([
        only('light, 1280 px', 'color-contrast: <h1>'),
        only('light, 1280 px', 'label: <input'),
        only('light, 390 px', 'color-contrast: <h1>'),
      ]);
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
