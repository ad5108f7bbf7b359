/** JSON bodies: a body with more than one possible meaning is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJsonBody } from '../../../src/api/http/bodies.ts';

const read = (text: string | Buffer, maxDepth = 32) =>
  parseJsonBody(typeof text === 'string' ? Buffer.from(text) : text, maxDepth);

describe('a body is refused', () => {
  test.each([
    ['that is no JSON', '{"a":1', /./],
    ['with a key twice', '{"a":1,"b":{"a":1},"a":2}', /duplicate key/],
    ['with a key twice, written differently', '{"a":1,"\\u0061":2}', /duplicate key/],
    [
      'with __proto__',
      '{"__proto__":{"isAdmin":true}}',
      /request body has a key that is not allowed/,
    ],
    [
      'with an escaped __proto__',
      '{"\\u005f_proto__":1}',
      /request body has a key that is not allowed/,
    ],
    ['with constructor, deep inside', '[{"a":{"constructor":1}}]', /is not allowed/],
    ['with a number out of range', '{"a":1e999}', /request body has a number that is too large/],
    ['nested too deeply', '[[[["x"]]]]', /nested too deeply/],
    ['that is no UTF-8', Buffer.from([0x22, 0xff, 0x22]), /not valid UTF-8/],
  ])('%s', (_what, body, sentence) => {
    const attempt = () => read(body, 3);
    expect(attempt).toThrow(expect.objectContaining({ statusCode: 400 }));
    expect(attempt).toThrow(sentence);
  });
});

test.each([
  ['the same key in two objects', '[{"a":1},{"a":2}]', [{ a: 1 }, { a: 2 }]],
  ['a text that looks like a key', '{"a":"__proto__","b":["a"]}', { a: '__proto__', b: ['a'] }],
  ['quotes and backslashes', '{"a\\"":"\\\\","b":"\\\\\\""}', { 'a"': '\\', b: '\\"' }],
  ['as deep as allowed', '[[["x"]]]', [[['x']]]],
  ['a text alone', '"x"', 'x'],
])('%s is read', (_what, body, value) => {
  expect(read(body, 3)).toEqual(value);
});

test('the output of JSON.stringify is read as the same value', () => {
  const property = fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
    const text = JSON.stringify(value);
    fc.pre(!/"(__proto__|constructor)":/.test(text));
    expect(read(text)).toEqual(JSON.parse(text));
  });
  fc.assert(property, { numRuns: 500 });
});
