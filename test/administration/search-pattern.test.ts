/** The pattern of a search: weaker than its text, never stronger, and with no character of its own. */
import { expect, test } from 'vitest';
import { toSearchPattern } from '../../src/features/administration/search-pattern.ts';

test.each([
  ['anna', '%anna%'],
  ['Annabe', '%ann%abe%'],
  ['annabel', '%ann%abe%%'],
  ['user77123@x', '%use%r77%123@x%'],
  ['Ölfässer 100%', '%ölf%äss% 100\\%%'],
  ['snake_case_name', '%snake\\_case\\_name%'],
  ['\\', '%\\\\%'],
])('%s', (raw, pattern) => {
  expect(toSearchPattern(raw)).toEqual({ pattern, text: raw.toLowerCase() });
});
