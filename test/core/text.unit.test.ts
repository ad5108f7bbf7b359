/** Encodings of input, and characters that must not reach a terminal, a log or a page. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodeUtf8,
  escapeHtml,
  isPrintable,
  printable,
  printableJson,
  printableLines,
} from '../../src/core/text.ts';

describe('printable text', () => {
  const disturbing = [
    '\u0000',
    '\n',
    '\t',
    '\u001b',
    '\u007f',
    '\u009b',
    '\u2028',
    '\u202e',
    '\ufeff',
  ];

  test.each(disturbing)('%j becomes a space', (character) => {
    expect(isPrintable(`a${character}b`)).toBe(false);
    expect(printable(`a${character}b`)).toBe('a b');
  });

  test.each(['Ada', '李', '👩‍💻', 'a b', 'é', '\u200d'])('%j is unchanged', (text) => {
    expect(printable(text)).toBe(text);
  });

  test('half of a surrogate pair is replaced', () => {
    expect(printable('a\ud800b')).toBe('a\ufffdb');
  });

  test('lines stay separate', () => {
    expect(printableLines('one\u001b[2K\ntwo\r\n')).toBe('one [2K\ntwo \n');
  });

  test('any text becomes printable, and its JSON parses to the same value', () => {
    const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(isPrintable(printable(text))).toBe(true);
      const json = printableJson(JSON.stringify({ text }));
      expect(isPrintable(json)).toBe(true);
      expect(JSON.parse(json)).toEqual({ text });
    });
    fc.assert(property, { numRuns: 500 });
  });
});

describe('UTF-8', () => {
  test('is read without its byte order mark', () => {
    expect(decodeUtf8(Buffer.from('\ufeffpässwörd'))).toBe('pässwörd');
  });

  test.each([
    ['UTF-16', Buffer.from('\ufeffpassword', 'utf16le'), 'is UTF-16'],
    ['Latin-1', Buffer.from('pässwörd', 'latin1'), 'is not UTF-8'],
    ['a cut character', Buffer.from('ö').subarray(0, 1), 'is not UTF-8'],
  ])('%s is refused', (_what, bytes, sentence) => {
    expect(() => decodeUtf8(bytes)).toThrow(sentence);
  });
});

test('escaped text has no HTML characters', () => {
  expect(escapeHtml(`<a href="x" title='y'>&amp;</a>`)).toBe(
    '&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;',
  );
});
