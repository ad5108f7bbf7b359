/** Decoding of UTF-8 input, and text without characters that disturb a terminal, a log or a page. */
import { isUtf8 } from 'node:buffer';

/** The bytes are not UTF-8. The message continues a sentence that begins with their source. */
export class EncodingError extends Error {
  override name = 'EncodingError';
}

/**
 * The text of UTF-8 bytes, without a byte order mark at their beginning. Invalid bytes are an error:
 * replacement characters would make different passwords, names and settings equal.
 *
 * @throws EncodingError
 */
export function decodeUtf8(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const isUtf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isUtf16) throw new EncodingError('is UTF-16: save it as UTF-8');
  if (!isUtf8(bytes)) throw new EncodingError('is not UTF-8: save it as UTF-8');
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes); // removes the byte order mark
}

/**
 * C0, DEL and C1 controls, line and paragraph separators, bidirectional controls and the byte order mark
 * (Unicode TR 36 §2.10).
 */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;
const unprintables = new RegExp(unprintable, 'gu');

export function isPrintable(text: string): boolean {
  return text.isWellFormed() && !unprintable.test(text);
}

/** A number with its noun: `1 person`, `2 people`. */
export function countText(count: number, singular: string, plural: string): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

export function peopleText(count: number): string {
  return countText(count, 'person', 'people');
}

/** The text with a space in the place of each unprintable character. */
export function printable(text: string): string {
  return isPrintable(text) ? text : text.toWellFormed().replace(unprintables, ' ');
}

/** The same for a text of several lines, which stay separate. */
export function printableLines(text: string): string {
  return isPrintable(text) ? text : text.split('\n').map(printable).join('\n');
}

/** One line of JSON with escaped unprintable characters. It parses to the same value. */
export function printableJson(json: string): string {
  return unprintable.test(json) ? json.replace(unprintables, escaped) : json;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
