/** What a search is for, as PostgreSQL's index of trigrams finds it with the least work. */

/** Letters and digits in a row, long enough to be told by some of their trigrams. */
const longRun = /[\p{L}\p{N}]{6,}/gu;

export interface SearchPattern {
  /** For `like`: matches whatever contains the text, and now and then something else. */
  readonly pattern: string;
  /** What must be found in what matches, character by character. */
  readonly text: string;
}

/**
 * The index is asked for every third trigram of a long run only: the others cost as much again each,
 * more with every user, and hardly make what is found fewer.
 */
export function toSearchPattern(raw: string): SearchPattern {
  const text = raw.toLowerCase();
  const likeText = text.replace(/[\\%_]/g, '\\$&');
  return { pattern: `%${likeText.replace(longRun, inThrees)}%`, text };
}

/** `abcdefgh` as `abc%def%`. */
function inThrees(run: string): string {
  const characters = [...run];
  const whole = characters.length - (characters.length % 3);
  const threes: string[] = [];
  for (let at = 0; at < whole; at += 3) threes.push(characters.slice(at, at + 3).join(''));
  return threes.join('%') + (whole < characters.length ? '%' : '');
}
