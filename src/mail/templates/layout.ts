/**
 * The layout of mails. A mail has a subject and blocks. The text part and the HTML part are rendered
 * from the same blocks, so their content cannot differ.
 */

import type { Brand } from '../../config/brand.ts';
import { escapeHtml } from '../../core/text.ts';
import type { SupportedLocale } from '../../i18n/locale.ts';
import type { Translate } from '../../i18n/translate.ts';

export type Block =
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'button'; readonly label: string; readonly url: string }
  /** A short code to type, large and on a line of its own. */
  | { readonly kind: 'code'; readonly code: string }
  /** Lines such as `Code: …`, to copy and paste. */
  | { readonly kind: 'facts'; readonly facts: Readonly<Record<string, string>> };

export interface MailContent {
  readonly subject: string;
  readonly blocks: readonly Block[];
}

export const paragraph = (text: string): Block => ({ kind: 'paragraph', text });
export const button = (label: string, url: string): Block => ({ kind: 'button', label, url });
export const shortCodeBlock = (code: string): Block => ({ kind: 'code', code });
export const facts = (lines: Readonly<Record<string, string>>): Block => ({
  kind: 'facts',
  facts: lines,
});

/** @param name as the user typed it; may be empty */
export function greeting(translate: Translate, name = ''): Block {
  return paragraph(
    name === ''
      ? translate('mails.greeting')
      : translate('mails.greetingByName', { name: harmless(name) }),
  );
}

/**
 * Adds a word joiner after each dot, colon and at-sign before a letter, so that no mail program turns a
 * typed name into a link (OWASP: content injection).
 */
export function harmless(name: string): string {
  return name.replace(/[.:@](?=[\p{L}\p{N}])/gu, '$&\u2060');
}

/** A duration in hours when it is a whole number of hours, otherwise in minutes. */
export function lifetime(translate: Translate, seconds: number): string {
  return seconds >= 3600 && seconds % 3600 === 0
    ? translate('mails.lifetime.hours', { count: seconds / 3600 })
    : translate('mails.lifetime.minutes', { count: Math.max(1, Math.floor(seconds / 60)) });
}

export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Recipient {
  readonly to: string;
  readonly locale: SupportedLocale;
}

export function renderMail(
  { to, locale }: Recipient,
  { subject, blocks }: MailContent,
  { translate }: { readonly translate: Translate; readonly brand: Brand },
): Mail {
  const footer = translate('mails.footer');
  return {
    to,
    subject,
    text: `${[...blocks.map(textOf), `-- \n${footer}`].join('\n\n')}\n`,
    html: renderHtml({ locale, subject, footer }, blocks),
  };
}

function textOf(block: Block): string {
  if (block.kind === 'paragraph') return block.text;
  if (block.kind === 'button') return `${block.label}:\n${block.url}`;
  if (block.kind === 'code') return block.code;
  return Object.entries(block.facts)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

/** Inline, because mail programs ignore style sheets. Few colours, so that dark mode works. */
const styles = {
  body: 'margin:0;padding:24px;font:16px/1.55 system-ui,-apple-system,Segoe UI,Roboto,sans-serif',
  column: 'max-width:34rem;margin:0 auto',
  subject: 'font-size:22px;line-height:1.25;margin:0 0 20px',
  button:
    'display:inline-block;padding:12px 20px;border-radius:8px;background:#1f4fd8;color:#ffffff;font-weight:600;text-decoration:none',
  /** One click or double click selects the whole code. */
  code: 'font:600 28px/1.4 ui-monospace,Menlo,Consolas,monospace;letter-spacing:.12em;white-space:nowrap;-webkit-user-select:all;user-select:all',
  facts:
    'margin:0 0 16px;padding:12px 16px;border:1px solid #8886;border-radius:8px;overflow-wrap:anywhere',
  value: 'font:15px ui-monospace,Menlo,Consolas,monospace',
  footer: 'margin:32px 0 0;padding-top:16px;border-top:1px solid #8886;font-size:13px;opacity:.75',
} as const;

function renderHtml(
  { locale, subject, footer }: { locale: SupportedLocale; subject: string; footer: string },
  blocks: readonly Block[],
): string {
  return `<!doctype html>
<html lang="${locale}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(subject)}</title>
</head>
<body style="${styles.body}">
<div style="${styles.column}">
<h1 style="${styles.subject}">${escapeHtml(subject)}</h1>
${blocks.map(htmlOf).join('\n')}
<p style="${styles.footer}">${escapeHtml(footer)}</p>
</div>
</body>
</html>
`;
}

function htmlOf(block: Block): string {
  if (block.kind === 'paragraph') {
    return `<p>${escapeHtml(block.text)}</p>`;
  }
  if (block.kind === 'button') {
    return `<p><a href="${escapeHtml(block.url)}" style="${styles.button}">${escapeHtml(block.label)}</a></p>`;
  }
  if (block.kind === 'code') {
    return `<p><span style="${styles.code}">${escapeHtml(block.code)}</span></p>`;
  }
  const lines = Object.entries(block.facts).map(
    ([name, value]) =>
      `${escapeHtml(name)}: <code style="${styles.value}">${escapeHtml(value)}</code>`,
  );
  return `<p style="${styles.facts}">${lines.join('<br>')}</p>`;
}
