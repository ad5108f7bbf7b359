/** Changes a name of another system so that it is a name here. */
import { maxLengths } from '../../../core/max-lengths.ts';

/** Control characters, surrogates without their pair, and format characters, some of which hide text. */
const unusable = /[\p{Cc}\p{Cs}\p{Cf}\u2028\u2029]/gu;

/**
 * The name without the characters that `parsePersonName` rejects. A quotation mark becomes an apostrophe, a slash or
 * an angle bracket becomes a space. Empty if nothing visible is left.
 */
export function cleanName(raw: string): string {
  const text = raw
    .slice(0, 4 * maxLengths.personName) // a longer name is shortened anyway
    .normalize('NFC')
    .replace(unusable, ' ')
    .replaceAll('"', "'")
    .replace(/[<>\\/]/g, ' ')
    .replace(/www\./gi, 'www ')
    .replace(/\s+/g, ' ')
    .trim();
  return [...text].slice(0, maxLengths.personName).join('').trim();
}

/** A text in one line of at most `maxLength` characters, without characters that a text cannot have. */
export function cleanText(raw: string, maxLength: number): string {
  const start = raw.slice(0, 4 * maxLength);
  const text = start.normalize('NFC').replace(unusable, ' ').replace(/\s+/g, ' ').trim();
  return [...text].slice(0, maxLength).join('').trim();
}

const maxShownLength = 80;

/** A name in quotes for a message, with escapes for characters that cannot be seen. */
export function printableName(raw: unknown): string {
  const text = typeof raw === 'string' ? raw.toWellFormed() : '';
  const letters = [...text];
  const shown = letters.slice(0, maxShownLength).join('').replace(unusable, escapeCharacter);
  return `"${shown}${letters.length > maxShownLength ? '…' : ''}"`;
}

function escapeCharacter(character: string): string {
  const short = JSON.stringify(character).slice(1, -1);
  return short === character ? `\\u{${character.codePointAt(0)?.toString(16)}}` : short;
}
