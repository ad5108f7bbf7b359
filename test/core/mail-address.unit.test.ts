/** Mailboxes in the forms that people type. */
import { describe, expect, test } from 'vitest';
import { domainOf, formatMailAddress, parseMailAddress } from '../../src/core/mail-address.ts';

describe('a mailbox', () => {
  test.each([
    ['ada@example.com', '', 'ada@example.com'],
    [' <ada@example.com> ', '', 'ada@example.com'],
    ['Acme: Accounts, Inc. <a@acme.example>', 'Acme: Accounts, Inc.', 'a@acme.example'],
    ['"The \\"Acme\\"" <a@acme.example>', 'The "Acme"', 'a@acme.example'],
    ['Ада <ada@bücher.example>', 'Ада', 'ada@bücher.example'],
  ])('%s', (text, name, address) => {
    expect(parseMailAddress(text)).toEqual({ name, address });
  });

  test.each([
    '',
    'ada',
    '@example.com',
    'ada@',
    'ada@exa mple.com',
    'ada@-example.com',
    'ada@example.com\r\nBcc: eve@example.com',
    'Ada\u0000 <ada@example.com>',
    'Ada <ada@example.com',
    'ada@example.com, eve@example.com',
    'ada@example.com/path',
    `${'a'.repeat(250)}@example.com`,
  ])('%j is not valid', (text) => {
    expect(parseMailAddress(text)).toBeUndefined();
  });
});

test('has a text for people, and a domain in ASCII', () => {
  const mailbox = { name: 'Ada', address: 'ada@bücher.example' };
  expect(formatMailAddress(mailbox)).toBe('Ada <ada@bücher.example>');
  expect(formatMailAddress({ ...mailbox, name: '' })).toBe('ada@bücher.example');
  expect(domainOf(mailbox)).toBe('xn--bcher-kva.example');
});
