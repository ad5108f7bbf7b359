/** The language of a response, from the preferences of the browser. */
import { expect, test } from 'vitest';
import { preferredLocale, supportedLocaleOf } from '../../src/i18n/locale.ts';

test.each([
  [undefined, 'en'],
  ['', 'en'],
  ['es', 'es'],
  ['es-MX,en;q=0.5', 'es'],
  ['ES', 'es'],
  ['en;q=0.4, es;q=0.8', 'es'],
  ['fr, es;q=0.2', 'es'],
  ['es;q=0, en', 'en'],
  ['es;q=nonsense, en;q=0.1', 'en'],
  ['fr,de', 'en'],
  ['*', 'en'],
  [`${'x,'.repeat(200)}es`, 'en'],
])('Accept-Language %j: %s', (header, locale) => {
  expect(preferredLocale(header)).toBe(locale);
});

test.each([
  ['es-419', 'es'],
  [' es ', 'es'],
  ['español', 'en'],
  [null, 'en'],
])('the tag %j: %s', (tag, locale) => {
  expect(supportedLocaleOf(tag)).toBe(locale);
});
