/**
 * The one layout of all mails: a mail is a subject and a few blocks, from which the text and the
 * HTML part are written, so that the two cannot say different things.
 */
import { escapeHtml } from '../../core/escape-html.ts';
import type { Mail } from '../mailer.ts';

export type Block =
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'button'; readonly label: string; readonly url: string }
  /** Lines such as `Code: …`, for people who paste. */
  | { readonly kind: 'facts'; readonly facts: Readonly<Record<string, string>> };

export interface MailContent {
  readonly subject: string;
  readonly blocks: readonly Block[];
}

export const paragraph = (text: string): Block => ({ kind: 'paragraph', text });
export const button = (label: string, url: string): Block => ({ kind: 'button', label, url });
export const facts = (lines: Readonly<Record<string, string>>): Block => ({
  kind: 'facts',
  facts: lines,
});

const footer = 'This is an automatic message; answers to it are not read.';

export function renderMail(to: string, { subject, blocks }: MailContent): Mail {
  return { to, subject, text: renderText(blocks), html: renderHtml(subject, blocks) };
}

/**
 * A name that somebody typed, so that no mail program makes a link of it: a word joiner behind each
 * dot, colon and at-sign that is followed by a letter (OWASP: content injection).
 */
export function harmless(name: string): string {
  return name.replace(/[.:@](?=[\p{L}\p{N}])/gu, '$&\u2060');
}

function renderText(blocks: readonly Block[]): string {
  return `${[...blocks.map(textOf), `-- \n${footer}`].join('\n\n')}\n`;
}

function textOf(block: Block): string {
  if (block.kind === 'paragraph') return block.text;
  if (block.kind === 'button') return `${block.label}:\n${block.url}`;
  return Object.entries(block.facts)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}

function renderHtml(subject: string, blocks: readonly Block[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(subject)}</title>
</head>
<body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif">
<div style="max-width:34rem;margin:0 auto">
${blocks.map(htmlOf).join('\n')}
<p style="margin-top:2rem;font-size:13px;opacity:.7">${footer}</p>
</div>
</body>
</html>
`;
}

function htmlOf(block: Block): string {
  if (block.kind === 'paragraph') return `<p>${escapeHtml(block.text)}</p>`;
  if (block.kind === 'button') {
    const style =
      'display:inline-block;padding:10px 18px;border-radius:8px;background:#1f4fd8;color:#fff;text-decoration:none';
    return `<p><a href="${escapeHtml(block.url)}" style="${style}">${escapeHtml(block.label)}</a></p>`;
  }
  const lines = Object.entries(block.facts).map(
    ([name, value]) => `${escapeHtml(name)}: <code>${escapeHtml(value)}</code>`,
  );
  return `<p>${lines.join('<br>')}</p>`;
}
