/** The frame of every page: never cached, and never naming its address to another site. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { preferredLocale, type SupportedLocale } from '../../core/locale.ts';
import { gate, iconPath, styleSheetPath } from './assets.ts';
import { Html, html } from './html.ts';

export interface Page {
  readonly locale: SupportedLocale;
  readonly title: string;
  /** What the browser's tab says; the title when left out. */
  readonly tabTitle?: string;
  readonly body: Html;
  readonly status?: number;
  /** How it ended, as a sign above the title. */
  readonly mark?: keyof typeof signs;
  readonly isWide?: boolean;
}

const signs = {
  done: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
  refused: '<path d="M12 6.5v7"/><path d="M12 17.5h.01"/>',
} as const;

const brand = new Html(
  `<p class="brand"><svg viewBox="0 0 24 24" aria-hidden="true">${gate}</svg>Gatehouse</p>`,
);

/** The language that the person at the browser prefers. */
export function pageLocale(request: FastifyRequest): SupportedLocale {
  return preferredLocale(request.headers['accept-language']);
}

export function sendPage(reply: FastifyReply, page: Page): FastifyReply {
  const { locale, title, body, status = 200, isWide = false } = page;
  const document = html`<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${page.tabTitle ?? title} · Gatehouse</title>
<link rel="icon" type="image/svg+xml" href="${iconPath}">
<link rel="stylesheet" href="${styleSheetPath}">
</head>
<body class="${isWide ? 'wide' : 'narrow'}">
<header>${brand}</header>
<main>
<div class="card">
${page.mark ? signOf(page.mark) : ''}<h1>${title}</h1>
${body}
</div>
</main>
</body>
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

/** Names the account that a page is about. */
export function accountRow(label: string, address: string): Html {
  return html`<dl class="account"><dt>${label}</dt><dd>${address}</dd></dl>`;
}

function signOf(mark: keyof typeof signs): Html {
  return new Html(
    `<div class="mark ${mark}"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${signs[mark]}</svg></div>\n`,
  );
}

function withAcceptLanguage(before: number | string | string[] | undefined): string {
  return [before ?? [], 'Accept-Language'].flat().join(', ');
}
