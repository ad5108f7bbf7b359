/** The pages in a real browser without JavaScript: the links of mails and their buttons. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBrowser, launchBrowser, noBrowserReason } from '../../support/browser.ts';
import { shortCodesOf } from '../../support/mail-server.ts';
import { changeLinks, resetLink, verificationLink } from '../../support/page-links.ts';
import { goodPassword, register, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';

const executable = findBrowser();

describe.skipIf(executable === undefined)(
  executable === undefined ? `skipped: ${noBrowserReason}` : 'in Chromium',
  () => {
    let service: TestService;
    let browser: Browser;
    beforeAll(async () => {
      [service, browser] = await Promise.all([startService(), launchBrowser(executable ?? '')]);
    });
    afterAll(async () => {
      await browser.close();
      await service.close();
    });

    /** Opens a link from a mail, and fails on any error of the page. */
    async function visit(link: string, options: BrowserContextOptions = {}) {
      const context = await browser.newContext({ javaScriptEnabled: false, ...options });
      const page = await context.newPage();
      const pageErrors: string[] = [];
      page.on('console', (message) => pageErrors.push(message.text()));
      page.on('requestfailed', (request) => {
        const reason = request.failure()?.errorText ?? '';
        // Requests that the browser itself aborts belong to a page that was left.
        if (reason !== 'net::ERR_ABORTED') pageErrors.push(`${request.url()} ${reason}`);
      });
      const { pathname, search } = new URL(link);
      await page.goto(service.address + pathname + search);
      return {
        page,
        async [Symbol.asyncDispose]() {
          await context.close();
          expect(pageErrors.filter((text) => !text.includes('status of 400'))).toEqual([]);
        },
      };
    }

    const heading = (page: Page) => page.getByRole('heading', { level: 1 }).innerText();

    test('a user types the code of the mail, mistypes it once, and confirms with the password', async () => {
      const { email } = await register(service);
      const [code = ''] = shortCodesOf(service.mail.mails.findLast(({ to }) => to === email));
      await using visited = await visit(`${service.address}/verify-email`);
      const { page } = visited;
      await page.getByLabel('Email address').fill(email);
      await page.getByLabel('Code').fill('0000-0000');
      await page.getByRole('button', { name: 'Continue' }).click();
      expect(await page.getByText('This code is not valid for this address.').isVisible()).toBe(
        true,
      );
      expect(await page.getByLabel('Email address').inputValue()).toBe(email);
      await page.getByLabel('Code').fill(code.toLowerCase());
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.getByLabel('Password').fill(goodPassword);
      await page.getByRole('button', { name: 'Confirm this address' }).click();
      expect(await heading(page)).toBe('Address confirmed');
      expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
    });

    test('a user registers, opens the link from the mail, presses the button and logs in', async () => {
      const { email, link } = await verificationLink(service);
      await using visited = await visit(link);
      const { page } = visited;
      expect(await page.getByRole('main').innerText()).toContain(email);
      expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
      const password = page.getByLabel('Password');
      await password.fill('not the password');
      await page.getByRole('button', { name: 'Confirm this address' }).click();
      expect(
        await page.getByText('This is not the password of this registration.').isVisible(),
      ).toBe(true);
      await password.fill(goodPassword);
      await password.press('Enter');
      expect(await heading(page)).toBe('Address confirmed');
      expect(await tryLogin(service, email)).toMatchObject({ __typename: 'TokenPair' });
    });

    test('a recipient removes a registration of another person', async () => {
      const { email, link } = await verificationLink(service);
      await using visited = await visit(link);
      const { page } = visited;
      await page.getByRole('button', { name: 'This was not me' }).click();
      expect(await heading(page)).toBe('Registration removed');
      await page.goto(service.address + new URL(link).pathname + new URL(link).search);
      expect(await heading(page)).toBe('This link no longer works');
      expect(await tryLogin(service, email)).toMatchObject({ code: 'INVALID_CREDENTIALS' });
    });

    test('a user chooses a new password, in Spanish, after one that is refused', async () => {
      const { email, link } = await resetLink(service);
      await using visited = await visit(link, { locale: 'es-ES' });
      const { page } = visited;
      const first = page.getByLabel('Contraseña nueva', { exact: true });
      const again = page.getByLabel('Repita la contraseña nueva');
      await first.fill('corta');
      await again.fill('corta');
      await page.getByRole('button').click();
      expect(await page.getByText('Use al menos 8 caracteres.').isVisible()).toBe(true);
      expect(await first.inputValue()).toBe('');
      expect(await first.evaluate((field) => field === field.ownerDocument.activeElement)).toBe(
        true,
      );
      const better = 'una contraseña bastante buena';
      await first.fill(better);
      await again.fill(better);
      await again.press('Enter');
      expect(await heading(page)).toBe('Contraseña guardada');
      expect(await tryLogin(service, email, better)).toMatchObject({ __typename: 'TokenPair' });
      expect(await tryLogin(service, email, goodPassword)).toMatchObject({
        code: 'INVALID_CREDENTIALS',
      });
      await page.goto(service.address + new URL(link).pathname + new URL(link).search);
      expect(await heading(page)).toBe('Este enlace ya no sirve');
    });

    test('a user changes the address with the keyboard alone', async () => {
      const { confirm } = await changeLinks(service);
      await using visited = await visit(confirm.link);
      const { page } = visited;
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.waitForLoadState();
      await page.getByText('Address changed').waitFor();
      expect(await tryLogin(service, confirm.email)).toMatchObject({ __typename: 'TokenPair' });
    });

    test('a user cancels an address change that somebody else requested', async () => {
      const { cancel } = await changeLinks(service);
      await using visited = await visit(cancel.link);
      const { page } = visited;
      await page.getByRole('button', { name: 'Cancel the change' }).click();
      expect(await heading(page)).toBe('The change was cancelled');
    });

    test.each(['light', 'dark'] as const)(
      'on a phone, %s, the page fits the screen and has its style sheet',
      async (colorScheme) => {
        const { link } = await resetLink(service);
        const options = { viewport: { width: 320, height: 640 }, colorScheme };
        await using visited = await visit(link, options);
        const { page } = visited;
        // As text, because these names exist in the browser only.
        const width = await page.evaluate<number>('document.documentElement.scrollWidth');
        const background = await page.evaluate<string>(
          'getComputedStyle(document.body).backgroundColor',
        );
        expect(width).toBeLessThanOrEqual(320);
        expect(background).toBe(colorScheme === 'dark' ? 'rgb(14, 17, 23)' : 'rgb(243, 244, 248)');
        const button = await page.getByRole('button').boundingBox();
        expect(button?.height).toBeGreaterThanOrEqual(44);
      },
    );
  },
);
