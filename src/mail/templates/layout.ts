/** Renders the content of a mail as text and as HTML. The lines for programs are at the end of the text part only. */
import type { Brand } from '../../config/brand.ts';
import type { SupportedLocale } from '../../i18n/locale.ts';
import type { Translate } from '../../i18n/translate.ts';
import type { Block, MailContent } from './content.ts';
import { renderHtml } from './html.ts';

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

export interface Presentation {
  readonly translate: Translate;
  readonly brand: Brand;
}

export function renderMail(
  { to, locale }: Recipient,
  content: MailContent,
  { translate, brand }: Presentation,
): Mail {
  const { subject, preheader, blocks } = content;
  const footer = [
    translate(`mails.reason.${content.reason}`, { email: to }),
    ...(namesSupport(blocks, brand) ? [] : [translate('mails.support')]),
    translate('mails.footer'),
  ];
  return {
    to,
    subject,
    text: renderText(content, [brandLine(brand), ...footer], translate('mails.programs')),
    html: renderHtml({
      ...{ locale, subject, preheader, blocks, footer, brand },
      linkHint: translate('mails.linkHint'),
    }),
  };
}

/** Whether the content names the address for questions, or there is none. */
function namesSupport(blocks: readonly Block[], { supportEmail }: Brand): boolean {
  if (supportEmail === undefined) return true;
  return blocks.some((it) => it.kind === 'paragraph' && it.text.includes(supportEmail));
}

function brandLine({ appName, appUrl }: Brand): string {
  return appUrl === undefined ? appName : `${appName}, ${appUrl}`;
}

/** The lines for programs are below the signature delimiter (RFC 3676 §4.3), where people seldom look. */
function renderText(
  { blocks, forPrograms = [] }: MailContent,
  footer: readonly string[],
  programs: string,
): string {
  const lines = forPrograms.map(([name, value]) => `${name}: ${value}`);
  const parts = [...blocks.map(textOf), ['-- ', ...footer].join('\n')];
  if (lines.length > 0) parts.push([programs, ...lines].join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function textOf(block: Block): string {
  if (block.kind === 'paragraph') return block.text;
  if (block.kind === 'button') return `${block.label}:\n${block.url}`;
  if (block.kind === 'code') return block.code;
  return Object.entries(block.facts)
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n');
}
