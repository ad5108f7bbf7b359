/** Renders the pages: HTML template, layout, and the pages for errors and invalid links. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Brand } from '../../config/brand.ts';
import type { Problem } from '../../core/errors.ts';
import { escapeHtml } from '../../core/text.ts';
import type { SupportedLocale } from '../../i18n/locale.ts';
import { sendProblem, toProblem } from '../http/responses.ts';
import { iconPath, logoPath, styleSheetPath } from './assets/assets.ts';
import { brandLogoPath } from './assets/brand-assets.ts';
import { passwordScriptPath } from './assets/password-script.ts';
import { brandOf, textsOf } from './presentation.ts';

/** HTML that is escaped already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Escapes every value that is not `Html`. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (string | Html | Html[])[]
): Html {
  const pieces = strings.map((string, index) => {
    const value = values[index];
    if (value === undefined) return string;
    if (value instanceof Html) return string + value.text;
    if (Array.isArray(value)) return string + value.map(({ text }) => text).join('\n');
    return string + escapeHtml(value);
  });
  return new Html(pieces.join(''));
}

export interface Page {
  readonly locale: SupportedLocale;
  readonly title: string;
  /** The title of the browser tab; `title` by default. */
  readonly tabTitle?: string;
  readonly body: Html;
  readonly status?: number;
  /** The icon above the title. */
  readonly mark?: keyof typeof markIcons;
  readonly isWide?: boolean;
  /** The links below the content. The first one looks like a button if the page has no form. */
  readonly ways?: readonly Way[];
  /** The content below the links. */
  readonly after?: Html;
  /** Whether a form of the page may lead to the application. */
  readonly mayLeave?: boolean;
}

/** A link to a next step. */
export interface Way {
  readonly href: string;
  readonly label: string;
}

const markIcons = {
  done: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
  failed: '<path d="M12 6.5v7"/><path d="M12 17.5h.01"/>',
} as const;

const builtInLogo = new Html(`<svg viewBox="0 0 24 24" aria-hidden="true">${logoPath}</svg>`);

/** Logo and name of the product, with a link to the application. */
export function brandLine({ appName, appUrl, logo }: Brand): Html {
  const image = logo ? html`<img src="${brandLogoPath}" alt="">` : builtInLogo;
  const content = html`${image}${appName}`;
  return html`<p class="brand">${
    appUrl === undefined ? content : html`<a href="${appUrl}">${content}</a>`
  }</p>`;
}

export function sendPage(reply: FastifyReply, page: Page): FastifyReply {
  const { locale, title, body, status = 200, isWide = false } = page;
  const brand = brandOf(reply.request);
  const { policies } = reply.server.presentation;
  const document = html`<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${page.tabTitle ?? title} · ${brand.appName}</title>
<link rel="icon" type="image/svg+xml" href="${iconPath}">
<link rel="stylesheet" href="${styleSheetPath}">
${scriptFor(reply.request, body)}</head>
<body class="${isWide ? 'wide' : 'narrow'}">
<header>${brandLine(brand)}</header>
<main>
<div class="card">
${page.mark ? renderMark(page.mark) : ''}<h1>${title}</h1>
${body}
${renderWays(page)}${page.after ?? ''}</div>
</main>
${supportLine(reply.request)}</body>
</html>
`;
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', page.mayLeave ? policies.leaving : policies.staying)
    .header('content-language', locale)
    .header('vary', withVary(reply, 'Accept-Language'))
    .send(document.text);
}

/** The script that adds a button to each password field. Without it the page works without the button. */
function scriptFor(request: FastifyRequest, body: Html): Html {
  if (!body.text.includes('type="password"')) return html``;
  const { translate } = textsOf(request);
  const texts = html`data-show="${translate('pages.show')}" data-hide="${translate('pages.hide')}" data-show-label="${translate('pages.showPassword')}" data-hide-label="${translate('pages.hidePassword')}"`;
  return html`<script src="${passwordScriptPath}" defer ${texts}></script>
`;
}

function renderWays({ ways = [], body }: Page): Html {
  if (ways.length === 0) return html``;
  const hasForm = body.text.includes('<form');
  const items = ways.map(({ href, label }, index) =>
    index === 0 && !hasForm
      ? html`<li><a class="button" href="${href}">${label}</a></li>`
      : html`<li><a href="${href}">${label}</a></li>`,
  );
  return html`<ul class="ways">
${items}
</ul>
`;
}

/** The address for questions, below the page. */
function supportLine(request: FastifyRequest): Html {
  const { supportEmail } = brandOf(request);
  const { translate } = textsOf(request);
  return supportEmail === undefined
    ? html``
    : html`<footer><p>${translate('pages.support')} <a href="mailto:${supportEmail}">${supportEmail}</a></p></footer>
`;
}

/** Shows the account of a page. */
export function accountRow(label: string, address: string): Html {
  return html`<dl class="account"><dt>${label}</dt><dd>${address}</dd></dl>`;
}

function renderMark(mark: keyof typeof markIcons): Html {
  return new Html(
    `<div class="mark ${mark}"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${markIcons[mark]}</svg></div>\n`,
  );
}

/** The header Vary with one more name. */
export function withVary(reply: FastifyReply, name: string): string {
  return [reply.getHeader('vary') ?? [], name].flat().join(', ');
}

type Failure = 'throttled' | 'overloaded' | 'malformed' | 'internal';

/** The error handler of the pages of mail links. It repeats nothing of the request and logs unexpected errors. */
export const sendFailure = createFailureHandler((reply, failure) => {
  const { translate } = textsOf(reply.request);
  return { text: translate(`pages.failure.${failure}`), ways: [] };
});

/**
 * @param describe the text and the next steps of the page
 */
export function createFailureHandler(
  describe: (
    reply: FastifyReply,
    failure: Failure,
    retryAfterSeconds: number,
  ) => { readonly text: string; readonly ways: readonly Way[] },
) {
  return (error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const problem = toProblem(error);
    // Browsers send no bearer token, so the client is a program.
    if (problem?.code === 'UNAUTHENTICATED') return sendProblem(reply, problem);
    const { retryAfterSeconds } = problem ?? {};
    if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
    const { status, failure } = failureOf(error, problem);
    if (failure === 'internal' && !problem) request.log.error({ err: error }, 'unexpected error');
    const { locale, translate } = textsOf(request);
    const { text, ways } = describe(reply, failure, retryAfterSeconds ?? 0);
    const title = translate('pages.failure.title');
    const body = html`<p>${text}</p>`;
    return sendPage(reply, { locale, status, mark: 'failed', title, body, ways });
  };
}

function failureOf(
  error: Error,
  problem: Problem | undefined,
): { readonly status: number; readonly failure: Failure } {
  if (problem?.code === 'THROTTLED') return { status: 429, failure: 'throttled' };
  if (problem?.code === 'OVERLOADED') return { status: 503, failure: 'overloaded' };
  const status = 'statusCode' in error ? Number(error.statusCode) : 500;
  return status >= 400 && status < 500
    ? { status, failure: 'malformed' }
    : { status: 500, failure: 'internal' };
}
