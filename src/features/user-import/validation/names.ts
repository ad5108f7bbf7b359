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
    .normalize('NFC')
    .replace(unusable, ' ')
    .replaceAll('"', "'")
    .replace(/[<>\\/]/g, ' ')
    .replace(/www\./gi, 'www ')
    .replace(/\s+/g, ' ')
    .trim();
  return [...text].slice(0, maxLengths.personName).join('').trim();
}
