/** Parsers of email addresses and names: canonical forms, look-alike characters and invisible names. */
import { expect, test } from 'vitest';
import { Problem } from '../../src/core/errors.ts';
import {
  parseEmail,
  parseFields,
  parseGroupName,
  parseLoginName,
  parsePersonName,
} from '../../src/core/parse.ts';

const refuses = (parse: (raw: unknown) => unknown, raw: string) => {
  expect(() => parseFields({ value: () => parse(raw) }), JSON.stringify(raw)).toThrow(Problem);
};

test.each([
  ['Ada@Example.COM', 'ada@example.com'],
  [' ada@example.com ', 'ada@example.com'],
  ['ada@BÜCHER.example', 'ada@xn--bcher-kva.example'],
  ['ada@bu\u0308cher.example', 'ada@xn--bcher-kva.example'],
  ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
  ["o'hara+x@sub.example.com", "o'hara+x@sub.example.com"],
])('%s is the address %s', (raw, canonical) => {
  expect(parseEmail(raw)).toBe(canonical);
});

test.each([
  'x@example.com/path',
  'x@example.com:25',
  'x@example.com?y',
  'x@example.com#y',
  'x@example.com\\y',
  'x@exam%70le.com',
  'x@example。com',
  'x@ｅxample.com',
  'x@exam\u212aple.com',
  'x@exam\u017fle.com',
  'x@exa\u00admple.com',
  'x@exa\u200dmple.com',
  'x@[127.0.0.1]',
  'bo\u212a@example.com',
  'vıctim@example.com',
  'ＶICTIM@example.com',
  'josé@example.com',
  'x@',
  '@example.com',
])('%s is no address', (raw) => {
  refuses(parseEmail, raw);
  if (raw.includes('@', 1)) expect(parseLoginName(raw)).toBeUndefined();
});

test.each([
  '\u200b',
  '\u3164',
  '\u00ad\u00ad',
  '\u2800\u2800',
  '\u115f\u1160',
  '\u0301',
  '\ufe0f',
  '\u200d \u200c',
  '\u{e0041}',
])('%j is no name', (raw) => {
  refuses(parsePersonName, raw);
  refuses(parseGroupName, raw);
});

test.each(['www.evil.com', 'www．evil．com', 'http://evil', 'a／b'])(
  'a mail could show the name %s as a link',
  (raw) => {
    refuses(parsePersonName, raw);
  },
);

test.each([
  'Ada',
  'X Æ A-12',
  'Test 1764403200',
  '李',
  'נ\u05b4',
  '👩‍💻',
  'O’Neil',
  'Mary-Jane  Smith',
  'क्षि',
])('%s is a name', (raw) => {
  expect(parsePersonName(raw)).toBe(raw.normalize('NFC'));
});
