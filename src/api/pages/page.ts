/** Renders the pages: HTML template, layout, and the pages for errors and invalid links. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Brand } from '../../config/brand.ts';
import { escapeHtml } from '../../core/text.ts';
import type { SupportedLocale } from '../../i18n/locale.ts';
import { sendProblem, toProblem } from '../http/responses.ts';
import { iconPath, logoPath, styleSheetPath } from './assets.ts';
import { brandLogoPath } from './brand-assets.ts';
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
</head>
<body class="${isWide ? 'wide' : 'narrow'}">
<header>${brandLine(brand)}</header>
<main>
<div class="card">
${page.mark ? renderMark(page.mark) : ''}<h1>${title}</h1>
${body}
</div>
</main>
${supportLine(reply.request)}</body>
</html>
`;
  return reply
    .code(status)
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-language', locale)
    .header('vary', withAcceptLanguage(reply.getHeader('vary')))
    .send(document.text);
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

function withAcceptLanguage(before: number | string | string[] | undefined): string {
  return [before ?? [], 'Accept-Language'].flat().join(', ');
}

type Failure = 'throttled' | 'overloaded' | 'malformed' | 'internal';

/** The error handler of the pages. It repeats nothing of the request and logs unexpected errors. */
export function sendFailure(
  error: Error,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const problem = toProblem(error);
  // Browsers send no bearer token, so the client is a program.
  if (problem?.code === 'UNAUTHENTICATED') return sendProblem(reply, problem);
  if (problem?.retryAfterSeconds !== undefined) {
    reply.header('retry-after', String(problem.retryAfterSeconds));
  }
  if (problem?.code === 'THROTTLED') return sendFailurePage(reply, 429, 'throttled');
  if (problem?.code === 'OVERLOADED') return sendFailurePage(reply, 503, 'overloaded');
  const status = 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status >= 400 && status < 500) return sendFailurePage(reply, status, 'malformed');
  if (!problem) request.log.error({ err: error }, 'unexpected error');
  return sendFailurePage(reply, 500, 'internal');
}

function sendFailurePage(reply: FastifyReply, status: number, failure: Failure): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  return sendPage(reply, {
    locale,
    status,
    mark: 'failed',
    title: translate('pages.failure.title'),
    body: html`<p>${translate(`pages.failure.${failure}`)}</p>`,
  });
}

/** The page for a link without its code or token. */
export function sendIncompleteLink(reply: FastifyReply): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  return sendPage(reply, {
    locale,
    status: 400,
    mark: 'failed',
    title: translate('pages.linkIncomplete.title'),
    body: html`<p>${translate('pages.linkIncomplete.body')}</p>`,
  });
}

/** The page for a link that is used, expired or unknown. It reveals neither the reason nor the account. */
export function sendInvalidLink(
  reply: FastifyReply,
  page: 'verifyEmail' | 'confirmEmailChange' | 'cancelEmailChange' | 'resetPassword',
): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  return sendPage(reply, {
    locale,
    status: 400,
    mark: 'failed',
    title: translate(`pages.${page}.deadTitle`),
    body: html`<p>${translate(`pages.${page}.dead`)}</p>
<p>${translate(`pages.${page}.deadHelp`)}</p>`,
  });
}
