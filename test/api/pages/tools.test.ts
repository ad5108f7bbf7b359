/** `/docs` and the GraphQL IDE in a real browser: they work without external requests. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBrowser, launchBrowser, noBrowserReason } from '../../support/browser.ts';
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

    /** Opens a page, and expects no violation of its policy and no external request. */
    async function visit(path: string, work: (page: Page) => Promise<void>): Promise<void> {
      const context = await browser.newContext();
      const page = await context.newPage();
      const pageErrors: string[] = [];
      const externalUrls: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error') pageErrors.push(message.text());
      });
      page.on('pageerror', (error) => pageErrors.push(error.message));
      page.on('request', (request) => {
        const { protocol, origin } = new URL(request.url());
        const isOwn = origin === service.address || ['data:', 'blob:'].includes(protocol);
        if (!isOwn) externalUrls.push(request.url());
      });
      const response = await page.goto(service.address + path);
      const policy = response?.headers()['content-security-policy'] ?? '';
      await work(page);
      await context.close();
      expect(pageErrors).toEqual([]);
      expect(externalUrls).toEqual([]);
      expect(policy).toMatch(/^default-src 'none'; /);
      expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
      expect(/script-src ([^;]*)/.exec(policy)?.[1]).not.toContain('unsafe-inline');
    }

    test('H09: /docs shows the operations, has the title and the logo of the service, and fits a phone', async () => {
      await visit('/docs', async (page) => {
        const operation = page.locator('.opblock').first();
        await operation.waitFor();
        expect(await page.locator('.opblock').count()).toBeGreaterThan(20);
        const heading = page.getByRole('heading', { name: /^Gatehouse REST API/ });
        expect(await heading.isVisible()).toBe(true);
        expect(await page.title()).toBe('Gatehouse REST API');
        expect(await page.locator('header').innerText()).toBe('Gatehouse');
        expect(await page.locator('body').innerText()).not.toMatch(/swagger|smartbear/i);
        expect(await page.locator('.topbar, img').count()).toBe(0);
        expect(await page.locator('link[rel=icon]').getAttribute('href')).toBe(
          '/assets/gatehouse.svg',
        );
        await operation.click();
        await page.getByRole('button', { name: 'Try it out' }).first().waitFor();
        await page.setViewportSize({ width: 390, height: 844 });
        const width = await page.evaluate('document.documentElement.scrollWidth');
        expect(width).toBe(390);
      });
    });

    test('H09: the IDE runs a query', async () => {
      await visit('/graphql/ide/', async (page) => {
        const editor = page.locator('.cm-content').nth(1);
        await editor.waitFor();
        await editor.click();
        await page.keyboard.press('Control+A');
        await page.keyboard.insertText('{ __typename }');
        const answered = page.waitForResponse(
          (response) =>
            new URL(response.url()).pathname === '/graphql' &&
            (response.request().postData() ?? '').includes('{ __typename }'),
        );
        await page.keyboard.press('Control+Enter');
        expect((await (await answered).json()).data).toEqual({ __typename: 'Query' });
        await page.getByText('"Query"').first().waitFor();
      });
    });
  },
);
