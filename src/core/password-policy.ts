// Decides which passwords are acceptable and says what to do about the others.
// It knows nothing of hashing, and its sentences never repeat any part of a password.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const maximumLength = 256;
const minimumWordLength = 4;
const serviceName = 'gatehouse';

/** Shorter entries of the list would be refused for their length anyway. */
const shortestListed = 8;

/**
 * The public sentence for the first fault of a password, or undefined when it is acceptable.
 *
 * `minLength` counts code points. `words` are what the account is known by: the local part of the
 * address, names, username, as they are written; the name of the service is always among them.
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
  if (consistsOf(lettersOf(folded), contextWords(context.words)))
    return 'Choose a password that is more than your name, your address or the name of this service.';
  return undefined;
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

/** Each word whole and in its parts, so that `alice.smith` stands for `alice` and `smith` too. */
function contextWords(words: readonly string[]): ReadonlySet<string> {
  const folded = [serviceName, ...words].map(fold);
  const parts = folded.flatMap((word) => [lettersOf(word), ...word.split(separators)]);
  return new Set(parts.filter((part) => codePoints(part) >= minimumWordLength));
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

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

function codePoints(text: string): number {
  return [...text].length;
}
