/** The pattern of a search matches every value with the text, and adds no character to it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toSearchPattern } from '../../../src/database/pagination/search-pattern.ts';

test.each([
  // The two rarest trigrams that do not overlap.
  ['annabel', '%ann%bel%'],
  ['Annabe', '%ann%abe%'],
  ['user77123@x', '%r77%123%'],
  ['Ölfässer 100%', '%fäs%100%'],
  ['snake_case_name', '%nak%cas%'],
  // The local part of an address, without trigrams that most addresses contain.
  ['anna.kowalska@example.com', '%kow%lsk%'],
  ['bo@quartz-vineyard.com', '%qua%rtz%'],
  ['anna.kowalska@gmail.com', '%kow%lsk%'],
  // A text that is too short for two trigrams is the pattern itself.
  ['anna', '%anna%'],
  ['anna@gmail.com', '%anna@%'],
  ['@lee.org', '%@lee%'],
  ['gmail.com', '%gmail%'],
  ['.com', '%.com%'],
  ['a_b', '%a\\_b%'],
  ['\\', '%\\\\%'],
])('%s', (raw, pattern) => {
  expect(toSearchPattern(raw.toLowerCase())).toEqual({ pattern, text: raw.toLowerCase() });
});

test('every value that contains the text matches', () => {
  const piece = fc.oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[a-z0-9@._%-]*$/));
  fc.assert(
    fc.property(piece, piece, piece, (before, raw, after) => {
      const { pattern, text } = toSearchPattern(raw);
      expect(`${before}${text}${after}`).toMatch(like(pattern));
    }),
    { numRuns: 1000 },
  );
});

/** Matches like the operator of PostgreSQL. */
function like(pattern: string): RegExp {
  const source = pattern.replace(/\\?./gsu, (part) => {
    if (part === '%') return '.*';
    if (part === '_') return '.';
    return part.replace(/^\\/, '').replace(/[.*+?^${}()|[\]\\/]/, '\\$&');
  });
  return new RegExp(`^${source}$`, 'su');
}
