/** Turns a search into a `like` pattern for which PostgreSQL reads few entries of the trigram index. */

export interface SearchPattern {
  /** For `like`. Matches every value that contains the text, and sometimes others. */
  readonly pattern: string;
  /** The text that a matching value must contain exactly. */
  readonly text: string;
}

/** Three letters or digits in a row. */
interface Trigram {
  readonly at: number;
  readonly text: string;
  /** The sum of the ranks of its letters: about the logarithm of its rarity. */
  readonly rarity: number;
}

/**
 * The pattern contains two trigrams only, the rarest ones of the text. The index reads a list for each
 * trigram, and the lists grow with the number of users.
 *
 * @param text folded by the database, as the searched column is
 */
export function toSearchPattern(text: string): SearchPattern {
  const part = selectivePart(text);
  const [one, other] = rarestTwo(trigramsOf(part));
  const pattern = one && other ? `${one.text}%${other.text}` : part.replace(/[\\%_]/g, '\\$&');
  return { pattern: `%${pattern}%`, text };
}

const trigram = /[\p{L}\p{N}]{3}/u;
const sharedEnding = /\.(?:com|net|org|edu)$/;

/** The local part of an address, unless it is too short. Many addresses share the rest. */
function selectivePart(text: string): string {
  const local = text.slice(0, text.indexOf('@') + 1);
  return trigram.test(local) ? local : text.replace(sharedEnding, '') || text;
}

/** The trigrams of the largest mail providers. */
const providerTrigrams = new Set(
  ['gmail', 'hotmail', 'icloud', 'outlook', 'proton', 'yahoo'].flatMap(triplesOf),
);

/** From the most frequent letter of names to the rarest. Each is about a fifth rarer than the one before. */
const lettersByFrequency = 'eanirolstmhdcukygbpvfwjzxq';
/** The rank of digits and of letters of other alphabets. */
const middleRank = lettersByFrequency.length / 2;

function trigramsOf(text: string): readonly Trigram[] {
  return triplesOf(text).flatMap((three, at) =>
    trigram.test(three) && !providerTrigrams.has(three)
      ? [{ at, text: three, rarity: rarityOf(three) }]
      : [],
  );
}

function triplesOf(text: string): readonly string[] {
  const characters = [...text];
  return characters.map((_, at) => characters.slice(at, at + 3).join(''));
}

function rarityOf(three: string): number {
  const ranks = [...three].map((character) => lettersByFrequency.indexOf(character));
  return ranks.reduce((sum, rank) => sum + (rank < 0 ? middleRank : rank), 0);
}

/** The rarest pair of trigrams that do not overlap, in the order of the text. */
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
