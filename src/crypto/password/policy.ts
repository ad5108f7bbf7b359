/** The policy for new passwords. It knows nothing about hashing. */
import { readFileSync } from 'node:fs';
import { domainToASCII, domainToUnicode } from 'node:url';
import { assetPath } from '../../core/package.ts';
import type { PasswordFault } from '../../core/password-fault.ts';

const maximumLength = 256;
const minimumWordLength = 4;
const serviceName = 'gatehouse';

/** Shorter entries of the list are shorter than any password. */
const shortestListed = 8;

/**
 * The first fault of a password, or undefined when it is acceptable. There are no composition rules
 * (NIST SP 800-63B-4 §3.1.1.2, ASVS 6.2.1–6.2.12).
 *
 * @param context.minLength in code points
 * @param context.words address, names and username of the account, unchanged; the name of the service
 *   is always added. Words and parts of words count from four letters on. An address, its local part
 *   and its domain count at any length.
 */
export function findPasswordFault(
  password: string,
  context: { minLength: number; words: readonly string[] },
): PasswordFault | undefined {
  // UTF-16 units first: to count the code points of a megabyte would take long.
  if (password.length > 2 * maximumLength || codePoints(password) > maximumLength)
    return { code: 'PASSWORD_TOO_LONG', limit: maximumLength };
  if (codePoints(password) < context.minLength)
    return { code: 'PASSWORD_TOO_SHORT', limit: context.minLength };
  if (!password.isWellFormed()) return { code: 'PASSWORD_MALFORMED' };
  const folded = fold(password);
  if (commonPasswords().has(folded.trim())) return { code: 'PASSWORD_COMMON' };
  if (isOnly(folded, context.words)) return { code: 'PASSWORD_PERSONAL' };
  return undefined;
}

/** Whether a password consists of the words only, and not of the name of the service alone. */
export function isMadeOf(password: string, words: readonly string[]): boolean {
  const folded = fold(password);
  return isOnly(folded, words) && !isOnly(folded, []);
}

let loaded: ReadonlySet<string> | undefined;

/** Read as JSON on first use: importing the package would keep its other dictionaries in memory. */
function commonPasswords(): ReadonlySet<string> {
  loaded ??= loadCommonPasswords();
  return loaded;
}

function loadCommonPasswords(): ReadonlySet<string> {
  const path = assetPath('common-passwords.json');
  // as: the file of a pinned version, lower-case throughout; a test looks up every entry.
  const listed = JSON.parse(readFileSync(path, 'utf8')) as string[];
  return new Set(listed.filter((entry) => entry.length >= shortestListed));
}

/** Whether a password consists of the words only. Added digits and separators make no difference. */
function isOnly(folded: string, words: readonly string[]): boolean {
  const about = [serviceName, ...words.flatMap(partsOfAddress)].map(fold);
  const addresses = words.filter((word) => word.includes('@')).flatMap(partsOfAddress);
  const exact = [...about.filter(isLong), ...addresses.map(fold)].map(withoutPunctuation);
  return (
    consistsOf(lettersOf(folded), contextWords(about)) ||
    consistsOf(withoutPunctuation(folded), new Set(exact.filter((word) => word !== '')))
  );
}

/** The whole address, its local part and its domain, with both forms of the domain; any other word unchanged. */
function partsOfAddress(word: string): string[] {
  const at = word.lastIndexOf('@');
  if (at === -1) return [word];
  const local = word.slice(0, at).trim();
  const domain = word.slice(at + 1).trim();
  const domains = [domain, domainToASCII(domain), domainToUnicode(domain)].filter(Boolean);
  return [local, ...domains, ...domains.map((each) => `${local}@${each}`)];
}

/** Each word and its parts: `alice.smith` adds `alice` and `smith`. */
function contextWords(folded: readonly string[]): ReadonlySet<string> {
  const parts = folded.flatMap((word) => [lettersOf(word), ...word.split(separators)]);
  return new Set(parts.filter(isLong));
}

function isLong(word: string): boolean {
  return codePoints(word) >= minimumWordLength;
}

/** Whether the text is a sequence of the words. Linear: a regular expression could backtrack. */
function consistsOf(text: string, words: ReadonlySet<string>): boolean {
  const reachable = new Set([0]);
  for (const start of reachable)
    for (const word of words) if (text.startsWith(word, start)) reachable.add(start + word.length);
  return text !== '' && reachable.has(text.length);
}

/** Separators and digits. Emoji count as letters. */
const separators = /[\p{P}\p{Z}\p{N}\p{Cc}\p{Cf}\p{Sm}\p{Sc}\p{Sk}]+/u;

function lettersOf(text: string): string {
  return text.split(separators).join('');
}

/** Letters and digits: an address may consist of digits alone. */
function withoutPunctuation(text: string): string {
  return text.replace(/[\p{P}\p{Z}\p{Cc}\p{Cf}\p{Sm}\p{Sc}\p{Sk}]+/gu, '');
}

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

function codePoints(text: string): number {
  return [...text].length;
}
