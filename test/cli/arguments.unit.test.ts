/** Arguments before and after the parser: values that begin with a dash, and messages without values. */
import { expect, test } from 'vitest';
import { bindValues, withoutValues, wordsOf } from '../../src/cli/arguments.ts';

test('a value that begins with a dash belongs to its option', () => {
  expect(bindValues(['activateuser', '--code', '-abc', '--json'])).toEqual([
    'activateuser',
    '--code=-abc',
    '--json',
  ]);
});

test('an option that is given twice is refused, in both notations', () => {
  expect(() => bindValues(['--email', 'a@b.c', '--email=d@e.f'])).toThrow(
    '--email is given twice.',
  );
});

test.each([
  ['Unknown argument: hunter2', ['createuser', 'hunter2'], 'There are too many arguments.'],
  ['Unknown arguments: pass, hunter2', ['--pass', 'hunter2'], 'Unknown option: --pass'],
  ['Not enough non-option arguments: got 0, need at least 1', [], 'An argument is missing.'],
  ['Invalid values: format', [], 'Invalid values: format'],
])('%j becomes a message without values', (message, argv, sentence) => {
  expect(withoutValues(message, argv)).toBe(sentence);
});

test.each([
  ['', []],
  [' , ,', []],
  ['Editors', ['Editors']],
  ['Editors, Night shift ,Editors,', ['Editors', 'Night shift']],
  ['users.*,shop.view_order', ['users.*', 'shop.view_order']],
])('the list %j has the words %j', (text, words) => {
  expect(wordsOf(text)).toEqual(words);
});
