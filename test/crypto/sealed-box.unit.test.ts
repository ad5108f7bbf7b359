/** Sealed boxes open with their key, their label and all of their bytes, or not at all. */
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { seal, tryUnseal, unseal } from '../../src/crypto/sealed-box.ts';

const key = randomBytes(32);
const plain = Buffer.from('a private key');
const box = seal(key, 'row 1', plain);

test('a box opens to what was sealed', () => {
  expect(unseal(key, 'row 1', box)).toEqual(plain);
  expect(box.includes(plain)).toBe(false);
});

test('the same text is never sealed to the same bytes', () => {
  expect(seal(key, 'row 1', plain)).not.toEqual(box);
});

test.each([
  ['another key', () => unseal(randomBytes(32), 'row 1', box)],
  ['the label of another row', () => unseal(key, 'row 2', box)],
  ['no bytes', () => unseal(key, 'row 1', Buffer.alloc(0))],
  ['half of its bytes', () => unseal(key, 'row 1', box.subarray(0, box.length / 2))],
])('a box does not open with %s', (_what, open) => {
  expect(open).toThrow();
});

test('a box with any one bit changed does not open', () => {
  const changed = Array.from(box, (byte, at) => {
    const copy = Buffer.from(box);
    copy[at] = byte ^ 1;
    return tryUnseal(key, 'row 1', copy);
  });
  expect(changed).toEqual(Array(box.length).fill(undefined));
});
