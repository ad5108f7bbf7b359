/** Groups and permissions that a file defines. */
import { expect, test } from 'vitest';
import { parseDefinitions } from '../../../src/features/user-import/validation/definitions.ts';

test('definitions are cleaned or left out, and every note has the name', () => {
  const { groups, permissions, notes } = parseDefinitions({
    groups: [
      { name: ' Cooks ', description: 'One\n two', permissions: ['shop.view', 'not possible'] },
      { name: 'a\u0000b' },
      { name: 'x'.repeat(151) },
      { name: 'Many', permissions: Array.from({ length: 1001 }, (_, index) => `shop.p${index}`) },
    ],
    permissions: [
      { codename: 'shop.view', name: 'May\nview' },
      { codename: 'shop.empty', name: '\n' },
      { codename: 'shop view', name: 'View' },
    ],
  });
  expect(groups.map(({ name, description }) => [name, description])).toEqual([
    ['Cooks', 'One two'],
    ['Many', ''],
  ]);
  expect(groups.map((group) => group.permissions?.length)).toEqual([1, 1000]);
  expect(permissions).toEqual([
    { codename: 'shop.view', name: 'May view' },
    { codename: 'shop.empty', name: 'shop.empty' },
  ]);
  expect(notes.map(({ message }) => /"[^"]*"/.exec(message)?.[0])).toEqual([
    '" Cooks "',
    '" Cooks "',
    String.raw`"a\u0000b"`,
    `"${'x'.repeat(80)}…"`,
    '"Many"',
    '"shop.view"',
    '"shop.empty"',
    '"shop view"',
  ]);
});
