/** `return_to` leads to ALLOWED_RETURN_URLS only, whatever notation an address has. */
import { describe, expect, test } from 'vitest';
import { createReturnCheck } from '../../../src/api/pages/account/return-to.ts';

const check = createReturnCheck([
  'https://app.example.com',
  'https://example.com/shop',
  'http://localhost:5173',
  'https://slash.example.com/team/',
]);

test.each([
  ['https://app.example.com', 'https://app.example.com/'],
  ['https://app.example.com/orders?id=1#top', 'https://app.example.com/orders?id=1#top'],
  ['HTTPS://APP.example.com:443/x', 'https://app.example.com/x'],
  ['https://app.example.com/a?next=https://evil.example/', undefined],
  ['https://app.example.com/ünï', 'https://app.example.com/%C3%BCn%C3%AF'],
  ['https://app.example.com//evil.example', undefined],
  ['https://example.com/shop', undefined],
  ['https://example.com/shop/', undefined],
  ['https://example.com/shop/cart', undefined],
  ['https://example.com/shop?x=/../', undefined],
  ['https://example.com/admin/../shop/cart', 'https://example.com/shop/cart'],
  ['http://localhost:5173/callback', undefined],
  ['https://slash.example.com/team', undefined],
  ['https://slash.example.com/team/1', undefined],
])('%s is allowed', (text, normalized) => {
  expect(check(text)).toBe(normalized ?? text);
});

describe.each([
  [
    'another origin',
    [
      'https://evil.example/',
      'https://good.evil',
      'http://app.example.com/',
      'https://app.example.com:8443/',
      'https://app.example.com.evil/',
      'https://app.example.com.evil.example/',
      'https://app.example.comevil/',
      'https://evil.example/https://app.example.com/',
      'https://evil.example?https://app.example.com/',
      'https://evil.example#https://app.example.com/',
      'https://sub.app.example.com/',
      'https://app.example.com。evil.example/',
      'https://аpp.example.com/',
      'https://app.example.com./',
      'http://localhost:5174/',
      'http://localhost/',
    ],
  ],
  [
    'no address',
    [
      '',
      ' ',
      '/',
      '/orders',
      '//evil',
      '//app.example.com',
      '///app.example.com',
      String.raw`/\evil`,
      String.raw`\\evil`,
      String.raw`https:\\app.example.com`,
      String.raw`https://app.example.com\@evil.example`,
      String.raw`https://evil.example\@app.example.com`,
      'https:evil',
      'https:app.example.com',
      'https:/app.example.com',
      'app.example.com',
      'javascript:alert(1)',
      'JaVaScRiPt:alert(1)//https://app.example.com',
      'data:text/html,<script>alert(1)</script>',
      'vbscript:x',
      'blob:https://app.example.com/1',
      'ftp://app.example.com/',
      'file:///etc/passwd',
      'https://',
      '%2f%2fevil.example',
      'https%3A%2F%2Fapp.example.com',
    ],
  ],
  [
    'an address with a user name',
    [
      'https://good@evil',
      'https://app.example.com@evil.example/',
      'https://app.example.com:443@evil.example/',
      'https://user@app.example.com/',
      'https://@app.example.com/',
      'https://:@app.example.com/',
      'https://user:password@app.example.com/',
    ],
  ],
  [
    'an address with control characters',
    [
      'https://app.example.com/\r\nSet-Cookie: a=b',
      'https://app.example.com/\n',
      '\thttps://app.example.com/',
      'java\nscript:alert(1)',
      'ht\ttps://app.example.com/',
      'https://app.example.com/\u0000',
      'https://app.example.com/\u202e',
      ' https://app.example.com/',
      'https://app.example.com/ x',
    ],
  ],
  [
    'an address outside the path',
    [
      'https://example.com',
      'https://example.com/shopping',
      'https://example.com/shop.evil',
      'https://example.com/shop-admin/',
      'https://example.com/Shop/',
      'https://example.com/shop/../admin',
      'https://example.com/shop/./../admin',
      'https://example.com/shop/%2e%2e/admin',
      'https://example.com/shop/%2E%2E/admin',
      'https://example.com/shop/.%2e/admin',
      'https://example.com/shop/..%2fadmin',
      'https://example.com/shop/%2e%2e%2fadmin',
      'https://example.com/shop/..%5cadmin',
      'https://example.com/shop/%252e%252e%252fadmin',
      'https://example.com/shop/%2f%2fevil.example',
      'https://example.com/shop/..;/admin',
      'https://example.com/shop/..%3b/admin',
      'https://example.com/shop/..%c0%afadmin',
      'https://example.com/shop/..%u2215admin',
      'https://example.com/shop/..／admin',
      'https://example.com/shop/．．/admin',
      'https://example.com/shop/..%09/admin',
      'https://example.com/shop/%ff',
      'https://example.com/shop%2f..%2fadmin',
      'https://example.com//shop/',
      'https://example.com/x/shop/',
    ],
  ],
  ['a long address', [`https://app.example.com/${'x'.repeat(2000)}`]],
])('%s is not allowed', (_, texts) => {
  test.each(texts)('%j', (text) => {
    expect(check(text)).toBeUndefined();
  });
});

test('nothing is allowed without ALLOWED_RETURN_URLS and APP_URL', () => {
  expect(createReturnCheck([])('https://app.example.com/')).toBeUndefined();
});
