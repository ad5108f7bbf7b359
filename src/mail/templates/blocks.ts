/**
 * What a mail consists of: a subject and a few blocks, from which the text and the HTML part are
 * written, so that the two cannot say different things.
 */
import type { Say } from '../../core/texts/texts.ts';

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

/** `name` is what somebody typed, and may be empty. */
export function greeting(say: Say, name = ''): Block {
  return paragraph(
    name === '' ? say('mails.greeting') : say('mails.greetingByName', { name: harmless(name) }),
  );
}

/**
 * A name that somebody typed, so that no mail program makes a link of it: a word joiner behind each
 * dot, colon and at-sign that is followed by a letter (OWASP: content injection).
 */
export function harmless(name: string): string {
  return name.replace(/[.:@](?=[\p{L}\p{N}])/gu, '$&\u2060');
}

/** How long something works, in whole hours where it can be said so, else in minutes. */
export function lifetime(say: Say, seconds: number): string {
  return seconds >= 3600 && seconds % 3600 === 0
    ? say('mails.lifetime.hours', { count: seconds / 3600 })
    : say('mails.lifetime.minutes', { count: Math.max(1, Math.floor(seconds / 60)) });
}
