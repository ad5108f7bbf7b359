/**
 * The content of a mail, which its template writes: a subject, blocks, and the lines for programs. The text part and the
 * HTML part are rendered from the same blocks.
 */
import type { Brand } from '../../config/brand.ts';
import type { SupportedLocale } from '../../i18n/locale.ts';
import type { TextKey, Translate } from '../../i18n/translate.ts';

export type Block =
  | { readonly kind: 'paragraph'; readonly text: string }
  | { readonly kind: 'button'; readonly label: string; readonly url: string }
  /** A short code to type, large and on a line of its own. */
  | { readonly kind: 'code'; readonly code: string }
  /** Lines such as `Time: …`, with the names in the language of the mail. */
  | { readonly kind: 'facts'; readonly facts: Readonly<Record<string, string>> };

/** Why the recipient gets the mail. */
export type Reason =
  Extract<TextKey, `mails.reason.${string}`> extends `mails.reason.${infer Name}` ? Name : never;

export interface MailContent {
  readonly subject: string;
  /** The line that mail programs show below the subject in the list of mails. */
  readonly preheader: string;
  readonly reason: Reason;
  readonly blocks: readonly Block[];
  /** Codes and tokens with the same names in every language. */
  readonly forPrograms?: readonly ProgramLine[];
}

export type ProgramLine = readonly [name: 'Code' | 'Uid' | 'Token', value: string];

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

/** Names have few digits, and a telephone number helps phishing. */
const manyDigits = /(?:\p{Nd}\P{Nd}*){6}/u;
/** Longer names are cut: anybody can register the address of another person, who gets the mail. */
const maxNameLength = 80;

/**
 * Adds a word joiner after each dot, colon and at-sign, and their look-alikes, so that no mail program turns a typed
 * name into a link (OWASP: content injection). Removes the digits of what could be a telephone number.
 */
export function harmless(name: string): string {
  const characters = Array.from(manyDigits.test(name) ? name.replace(/\p{Nd}/gu, '') : name);
  const short =
    characters.length > maxNameLength
      ? `${characters.slice(0, maxNameLength).join('')}…`
      : characters.join('');
  return short.replace(/[.:@\u2024\u3002\uff0e\uff1a\uff20\uff61](?=[\p{L}\p{N}+])/gu, '$&\u2060');
}

/** A duration in hours when it is a whole number of hours, otherwise in minutes. */
export function lifetime(translate: Translate, seconds: number): string {
  return seconds >= 3600 && seconds % 3600 === 0
    ? translate('mails.lifetime.hours', { count: seconds / 3600 })
    : translate('mails.lifetime.minutes', { count: Math.max(1, Math.floor(seconds / 60)) });
}

/** `en-GB`: the order of day and month is that of most countries. */
const formats = Object.fromEntries(
  (['en', 'es'] as const satisfies SupportedLocale[]).map((locale) => [
    locale,
    new Intl.DateTimeFormat(locale === 'en' ? 'en-GB' : locale, {
      dateStyle: 'long',
      timeStyle: 'short',
      timeZone: 'UTC',
    }),
  ]),
);

/** Such as `31 January 2026 at 12:00 UTC`. */
export function minuteOf(time: Date, locale: SupportedLocale): string {
  return `${formats[locale]?.format(time)} UTC`;
}

/** The values that are the same for all mails to a recipient. */
export interface TemplateContext {
  readonly locale: SupportedLocale;
  readonly brand: Brand;
}
