/** The pattern of a search: weaker than its text, never stronger, and with no character of its own. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toSearchPattern } from '../../../src/database/pagination/search-pattern.ts';

test.each([
  // Two trigrams apart from each other, the rarest in names.
  ['annabel', '%ann%bel%'],
  ['Annabe', '%ann%abe%'],
  ['user77123@x', '%r77%123%'],
  ['Ölfässer 100%', '%fäs%100%'],
  ['snake_case_name', '%nak%cas%'],
  // Of an address what comes before its @, and never what most addresses have.
  ['anna.kowalska@example.com', '%kow%lsk%'],
  ['bo@quartz-vineyard.com', '%qua%rtz%'],
  ['anna.kowalska@gmail.com', '%kow%lsk%'],
  // Too short to have two of them: as it is.
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

test('whatever contains the text matches', () => {
  const piece = fc.oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[a-z0-9@._%-]*$/));
  fc.assert(
    fc.property(piece, piece, piece, (before, raw, after) => {
      const { pattern, text } = toSearchPattern(raw);
      expect(`${before}${text}${after}`).toMatch(like(pattern));
    }),
    { numRuns: 1000 },
  );
});

/** As PostgreSQL reads a pattern. */
function like(pattern: string): RegExp {
  const source = pattern.replace(/\\?./gsu, (part) => {
    if (part === '%') return '.*';
    if (part === '_') return '.';
    return part.replace(/^\\/, '').replace(/[.*+?^${}()|[\]\\/]/, '\\$&');
  });
  return new RegExp(`^${source}$`, 'su');
}
