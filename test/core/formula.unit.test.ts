/** The escape of formulas in CSV has an inverse. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escapeFormula, unescapeFormula } from '../../src/core/formula.ts';

const text = fc.string({ unit: fc.constantFrom(...`'=+-@\t\r\uff1da1 "`) });

test('every text is the same after escape and unescape', () => {
  fc.assert(
    fc.property(text, (raw) => {
      expect(unescapeFormula(escapeFormula(raw))).toBe(raw);
    }),
  );
});

test('no escaped text begins like a formula', () => {
  fc.assert(
    fc.property(text, (raw) => {
      expect(escapeFormula(raw)).not.toMatch(/^[=+\-@\t\r\uff1d]/);
    }),
  );
});

test.each(['Ada', "O'Neill", "'quoted'", '', '$argon2id$v=19', '{"a":1}'])(
  '%j is unchanged',
  (raw) => {
    expect([escapeFormula(raw), unescapeFormula(raw)]).toEqual([raw, raw]);
  },
);
