/** The page of compatible tools: each row has a test, and each test exists. */
import { expect, test } from 'vitest';
import { faultOf, namedTestsOf } from '../support/named-tests.ts';
import { rowsOf } from './pages.ts';

const rows = rowsOf('docs/compatibility.md', 'Compatibility');

test('every tool works, and names the test that shows it', () => {
  expect(rows.length).toBeGreaterThan(0);
  for (const [tool, result, tests = ''] of rows) {
    const faults = namedTestsOf(tests).map(faultOf);
    expect([tool, result, faults]).toEqual([tool, 'works', [undefined]]);
  }
});
