/** What a search is for, as PostgreSQL's index of trigrams finds it with the least work. */

export interface SearchPattern {
  /** For `like`: matches whatever contains the text, and now and then something else. */
  readonly pattern: string;
  /** What must be found in what matches, character by character. */
  readonly text: string;
}

/** Three letters or digits in a row. */
interface Trigram {
  readonly at: number;
  readonly text: string;
  /** The places of its letters among all letters, added: about the logarithm of how rare it is. */
  readonly rarity: number;
}

/**
 * The index is asked for two trigrams only, the two that the fewest users should have: for each one
 * that it is asked for it reads a list, and the lists grow with the users.
 *
 * @param text folded as the database folds what is searched
 */
export function toSearchPattern(text: string): SearchPattern {
  const part = partThatTells(text);
  const [one, other] = rarestTwo(trigramsOf(part));
  const wanted = one && other ? `${one.text}%${other.text}` : part.replace(/[\\%_]/g, '\\$&');
  return { pattern: `%${wanted}%`, text };
}

const trigram = /[\p{L}\p{N}]{3}/u;
const sharedEnding = /\.(?:com|net|org|edu)$/;

/** Of an address what comes before its `@`, unless that is too short: many share the rest. */
function partThatTells(text: string): string {
  const local = text.slice(0, text.indexOf('@') + 1);
  return trigram.test(local) ? local : text.replace(sharedEnding, '') || text;
}

/** The largest providers of mail. */
const inManyAddresses = new Set(
  ['gmail', 'hotmail', 'icloud', 'outlook', 'proton', 'yahoo'].flatMap(threesOf),
);

/** From the most frequent in names to the least, each about a fifth rarer than the one before. */
const lettersByFrequency = 'eanirolstmhdcukygbpvfwjzxq';
/** Where digits and the letters of other alphabets stand among them. */
const middle = lettersByFrequency.length / 2;

function trigramsOf(text: string): readonly Trigram[] {
  return threesOf(text).flatMap((three, at) =>
    trigram.test(three) && !inManyAddresses.has(three)
      ? [{ at, text: three, rarity: rarityOf(three) }]
      : [],
  );
}

function threesOf(text: string): readonly string[] {
  const characters = [...text];
  return characters.map((_, at) => characters.slice(at, at + 3).join(''));
}

function rarityOf(three: string): number {
  const places = [...three].map((character) => lettersByFrequency.indexOf(character));
  return places.reduce((sum, place) => sum + (place < 0 ? middle : place), 0);
}

/** The rarest pair without a character in common, in the order of the text. */
function rarestTwo(trigrams: readonly Trigram[]): readonly Trigram[] {
  const pairs = trigrams.flatMap((one) =>
    trigrams.filter(({ at }) => at >= one.at + 3).map((other) => [one, other] as const),
  );
  const rarity = ([one, other]: readonly [Trigram, Trigram]) => one.rarity + other.rarity;
  return (
    pairs.reduce<readonly [Trigram, Trigram] | undefined>(
      (rarest, pair) => (rarest && rarity(rarest) >= rarity(pair) ? rarest : pair),
      undefined,
    ) ?? []
  );
}
