// Decides which passwords are acceptable and says what to do about the others.
// It knows nothing of hashing, and its sentences never repeat any part of a password.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { domainToASCII, domainToUnicode } from 'node:url';

const maximumLength = 256;
const minimumWordLength = 4;
const serviceName = 'gatehouse';

/** Shorter entries of the list would be refused for their length anyway. */
const shortestListed = 8;

/**
 * The public sentence for the first fault of a password, or undefined when it is acceptable.
 *
 * `minLength` counts code points. `words` are the address, names and username of the account, as they
 * are written; the name of the service is always among them. Words and their parts count from
 * four letters on. An address, its local part and its domain count whatever their length.
 * There are no rules of composition (NIST SP 800-63B-4 §3.1.1.2, ASVS 6.2.1–6.2.12).
 */
export function passwordFaults(
  password: string,
  context: { minLength: number; words: readonly string[] },
): string | undefined {
  // UTF-16 units first: counting the code points of a megabyte is work for nothing.
  if (password.length > 2 * maximumLength || codePoints(password) > maximumLength)
    return `Use at most ${maximumLength} characters.`;
  if (codePoints(password) < context.minLength)
    return `Use at least ${context.minLength} characters.`;
  if (!password.isWellFormed()) return 'Use complete Unicode characters only.';
  const folded = fold(password);
  if (commonPasswords().has(folded.trim()))
    return 'Choose another password: this one is on the lists that attackers try first.';
  if (isOnly(folded, context.words))
    return 'Choose a password that is more than your name, your address or the name of this service.';
  return undefined;
}

/** Whether the words, and not the name of this service alone, are all that a password consists of. */
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
  const path = createRequire(import.meta.url).resolve(
    '@zxcvbn-ts/language-common/src/passwords.json',
  );
  // as: the file of a pinned version, lower-case throughout; a test looks up every entry.
  const listed = JSON.parse(readFileSync(path, 'utf8')) as string[];
  return new Set(listed.filter((entry) => entry.length >= shortestListed));
}

/** Whether a password holds nothing but the words; digits of its own and separators do not help. */
function isOnly(folded: string, words: readonly string[]): boolean {
  const about = [serviceName, ...words.flatMap(partsOfAddress)].map(fold);
  const addresses = words.filter((word) => word.includes('@')).flatMap(partsOfAddress);
  const exact = [...about.filter(isLong), ...addresses.map(fold)].map(withoutPunctuation);
  return (
    consistsOf(lettersOf(folded), contextWords(about)) ||
    consistsOf(withoutPunctuation(folded), new Set(exact.filter((word) => word !== '')))
  );
}

/** An address whole, its local part and its domain, in both forms of the domain; other words as they are. */
function partsOfAddress(word: string): string[] {
  const at = word.lastIndexOf('@');
  if (at === -1) return [word];
  const local = word.slice(0, at).trim();
  const domain = word.slice(at + 1).trim();
  const domains = [domain, domainToASCII(domain), domainToUnicode(domain)].filter(Boolean);
  return [local, ...domains, ...domains.map((each) => `${local}@${each}`)];
}

/** Each word whole and in its parts, so that `alice.smith` stands for `alice` and `smith` too. */
function contextWords(folded: readonly string[]): ReadonlySet<string> {
  const parts = folded.flatMap((word) => [lettersOf(word), ...word.split(separators)]);
  return new Set(parts.filter(isLong));
}

function isLong(word: string): boolean {
  return codePoints(word) >= minimumWordLength;
}

/** Whether the text is one or more of the words in a row; linear, as a pattern could backtrack. */
function consistsOf(text: string, words: ReadonlySet<string>): boolean {
  const reachable = new Set([0]);
  for (const start of reachable)
    for (const word of words) if (text.startsWith(word, start)) reachable.add(start + word.length);
  return text !== '' && reachable.has(text.length);
}

/** Separators and digits, but no emoji: those make a word longer. */
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
