/** Checks a page with axe and for its width, in each colour scheme at each width. */
import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';

/** The rules whose result depends on the colours or on the size of the screen. */
const visualRules = [
  'color-contrast',
  'link-in-text-block',
  'scrollable-region-focusable',
  'target-size',
];

const wide = { width: 1280, height: 800 };
const narrow = { width: 390, height: 844 };

/** A visit begins with the first one. */
const combinations = [
  { colorScheme: 'light', viewport: wide, options: {} },
  { colorScheme: 'dark', viewport: wide, options: { runOnly: visualRules } },
  { colorScheme: 'dark', viewport: narrow, options: { runOnly: visualRules } },
  { colorScheme: 'light', viewport: narrow, options: { runOnly: visualRules } },
] as const;

const everyRun = { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } };

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
  /** Pixels. */
  readonly width: number;
}

/** Opens a context whose pages `faultsOf` can check. The script of axe does not count for the policy of the pages. */
export async function openAxeContext(browser: Browser, locale = 'en-US'): Promise<BrowserContext> {
  const context = await browser.newContext({ locale, viewport: wide, colorScheme: 'light' });
  await context.addInitScript(axe.source);
  return context;
}

/** Runs all rules in the first combination, and the visual ones in each other combination. Returns the faults. */
export async function faultsOf(page: Page): Promise<string[]> {
  const faults: string[] = [];
  for (const { colorScheme, viewport, options } of combinations) {
    await page.emulateMedia({ colorScheme });
    await resize(page, viewport);
    const { violations, width } = await page.evaluate<AxeResult>(
      `axe.run(${JSON.stringify({ ...everyRun, ...options })}).then(({ violations }) => (
        { violations, width: document.documentElement.scrollWidth }))`,
    );
    const where = `${page.url()}, ${colorScheme}, ${viewport.width} px:`;
    for (const { id, nodes } of violations) {
      faults.push(...nodes.map((node) => `${where} ${id}: ${node.html} ${node.failureSummary}`));
    }
    if (width > viewport.width) faults.push(`${where} too wide: ${width} px`);
  }
  await resize(page, wide); // the colour scheme is that of the first one already
  return faults;
}

/** The browser draws the page again for each call, also without a change. */
async function resize(page: Page, viewport: typeof wide): Promise<void> {
  if (page.viewportSize()?.width !== viewport.width) await page.setViewportSize(viewport);
}
