/** Reading JSON Lines, and text files in general. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { openJsonl } from '../../../../src/features/user-import/formats/jsonl.ts';
import { blocksOf } from '../../../docs/pages.ts';
import {
  defaultOptions,
  fieldsOf,
  readContent,
  refusalOf,
  refusalOfPath,
  withFile,
} from './files.ts';

const whole = {
  externalId: '42',
  email: 'ada@example.com',
  username: 'ada',
  firstName: 'Ada',
  lastName: 'Lovelace',
  status: 'ACTIVE',
  isStaff: true,
  isSuperuser: false,
  passwordHash: '$2b$12$hash',
  locale: 'en',
  metadata: { team: 'engines', __proto__: null },
  createdAt: '2020-01-01T00:00:00Z',
  lastLoginAt: null,
  emailVerifiedAt: '2020-01-02T00:00:00Z',
  groups: ['Editors', { name: 'Guests', expiresAt: '2030-01-01T00:00:00Z' }],
  permissions: ['shop.view_order'],
};

test('a line has all fields of a person', async () => {
  const { people, summary, total } = await readContent(openJsonl, `${JSON.stringify(whole)}\n`);
  expect(people).toEqual([{ position: 1, fields: JSON.parse(JSON.stringify(whole)), notes: [] }]);
  expect(summary).toEqual([]);
  expect(total).toBe(1);
});

test('the example of docs/moving-people.md has every field', async () => {
  const [example] = blocksOf('docs/moving-people.md').filter(
    ({ info }) => info === 'json people.jsonl',
  );
  const { people, summary } = await readContent(openJsonl, example?.text ?? '');
  expect(summary).toEqual([]);
  expect(Object.keys(people[0]?.fields ?? {})).toEqual(Object.keys(whole));
});

test('an unknown field is one note of the file with the number of people; the id is expected', async () => {
  const lines = [
    { id: '1', email: 'a@example.com', first_name: 'Ada', shoeSize: 38 },
    { id: '2', email: 'b@example.com', first_name: 'Bea' },
  ].map((line) => JSON.stringify(line));
  const { people, summary } = await readContent(openJsonl, lines.join('\n'));
  expect(people.map(fieldsOf)).toEqual([{ email: 'a@example.com' }, { email: 'b@example.com' }]);
  expect(summary).toEqual([
    {
      field: 'first_name',
      message: 'The field is not known and was ignored. (2 people)',
      remedy: 'Rename it to firstName.',
    },
    {
      field: 'shoeSize',
      message: 'The field is not known and was ignored. (1 person)',
      remedy: 'Put it into metadata to keep it.',
    },
  ]);
});

test('a file can have a byte order mark, CRLF, empty lines and no line break at its end', async () => {
  const { people } = await readContent(
    openJsonl,
    '\ufeff{"email":"a@example.com"}\r\n\r\n{"email":"zoë@example.com"}',
  );
  expect(people.map(({ position, fields }) => [position, fields.email])).toEqual([
    [1, 'a@example.com'],
    [3, 'zoë@example.com'],
  ]);
});

test('a broken line is a fault, and the next lines are read', async () => {
  const { people, faults, total } = await readContent(
    openJsonl,
    [
      '{"email":"a@example.com"}',
      '{"email":"secret"',
      '["secret"]',
      `{"email":"${'x'.repeat(1024 * 1024)}"}`,
      `{"email":"a@example.com","metadata":${'['.repeat(100)}${']'.repeat(100)}}`,
      '{"email":"b@example.com"}',
      '',
    ].join('\n'),
  );
  expect(people.map(({ position }) => position)).toEqual([1, 5, 6]);
  expect(faults).toEqual([
    { position: 2, message: 'The line is not valid JSON.' },
    { position: 3, message: 'The line is not a JSON object.' },
    { position: 4, message: 'The person has more than 1 MiB.' },
  ]);
  expect(total).toBe(6);
});

test('a first line that is too large or not valid is refused, and the next one is read', async () => {
  for (const [first, message] of [
    [`{"email":"${'x'.repeat(1024 * 1024)}"}`, 'The person has more than 1 MiB.'],
    ['{"email":"a@example.com",}', 'The line is not valid JSON.'],
  ] as const) {
    const { people, faults } = await readContent(openJsonl, `${first}\n{"email":"b@example.com"}`);
    expect(people.map(({ position }) => position)).toEqual([2]);
    expect(faults).toEqual([{ position: 1, message }]);
  }
});

test.each([
  ['empty', '', 'The file is empty.'],
  [
    'one object in several lines',
    '{\n"email": "a@example.com"\n}',
    'Line 1 is not a JSON object. Each line must be one JSON object.',
  ],
  [
    'text of many lines',
    'email secret\n'.repeat(200_000),
    'Line 1 is not a JSON object. Each line must be one JSON object.',
  ],
  [
    'cut off in its only line',
    '{"email":"a@exa',
    'The file is cut off: its last line, 1, is no complete JSON.',
  ],
  ['only white space', ' \n\n', 'The file is empty.'],
  [
    'UTF-16',
    Buffer.from('\ufeff{"email":"a"}', 'utf16le'),
    'The file is UTF-16. Save it as UTF-8.',
  ],
  [
    'Latin-1 in line 2',
    Buffer.from('{"email":"a@example.com"}\n{"email":"zo\u00eb@example.com"}\n', 'latin1'),
    'The file is not UTF-8 at line 2 (byte 39 of the file). Save it as UTF-8.',
  ],
  [
    'cut off in a character',
    Buffer.from('{"email":"zo\u00eb').subarray(0, -1),
    'The file is not UTF-8 at line 1 (byte 13 of the file). Save it as UTF-8.',
  ],
  [
    'with a NUL',
    '{"email":"a\u0000"}',
    'The file is not UTF-8 at line 1 (byte 12 of the file). Save it as UTF-8.',
  ],
  [
    'compressed',
    Buffer.from([0x1f, 0x8b, 8, 0]),
    'The file is compressed with gzip. Unpack it first, such as with gunzip.',
  ],
  [
    'cut off',
    '{"email":"a@example.com"}\n{"email":"b@exam',
    'The file is cut off: its last line, 2, is no complete JSON.',
  ],
  [
    'an array',
    '[{"email":"a@example.com"}]\n',
    'Line 1 is not a JSON object. Each line must be one JSON object.',
  ],
  [
    'CSV',
    'email,username\na@example.com,a\n',
    'Line 1 is not a JSON object. Each line must be one JSON object.',
  ],
])('a file that is %s is refused', async (_, content, message) => {
  expect(await refusalOf(openJsonl, content)).toBe(`VALIDATION_FAILED file: ${message}`);
});

test('a file that is missing, and a directory, are refused', async () => {
  expect(await refusalOfPath(openJsonl, '/no/such/file')).toBe(
    'VALIDATION_FAILED file: /no/such/file does not exist.',
  );
  expect(await refusalOfPath(openJsonl, tmpdir())).toContain('Is not a regular file.');
  // Its beginning is no memory of the process: a read fails like one of a broken disk.
  await expect(openJsonl('/proc/self/mem', defaultOptions)).rejects.toThrow(
    '/proc/self/mem cannot be read: the disk reports an input/output error.',
  );
});

test('the file is read in chunks: characters and lines cross them', async () => {
  const lines = Array.from({ length: 20_000 }, (_, index) =>
    JSON.stringify({ email: `p${index}@example.com`, firstName: 'Zoë 🚀'.repeat(1 + (index % 7)) }),
  );
  const content = lines.join('\n');
  const hash = createHash('sha256');
  const { people, total } = await readContent(openJsonl, content, {
    onChunk: (bytes) => hash.update(bytes),
  });
  expect(total).toBe(20_000);
  expect(people.map(({ fields }) => JSON.stringify(fields))).toEqual(lines);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
});

test('characters that the database cannot store are replaced', async () => {
  const { people } = await readContent(
    openJsonl,
    String.raw`{"email":"a@example.com","firstName":"A\u0000","metadata":{"a\ud800":["\udc00", 1]}}`,
  );
  expect(people[0]?.fields).toEqual({
    email: 'a@example.com',
    firstName: 'A\ufffd',
    metadata: { 'a\ufffd': ['\ufffd', 1] },
  });
  const message = 'A character that cannot be stored was replaced with U+FFFD.';
  expect(people[0]?.notes).toEqual([
    { field: 'firstName', message },
    { field: 'metadata', message },
  ]);
});

test('verified addresses are those of active people', async () => {
  const lines = [
    { email: 'a@example.com', createdAt: '2020-01-01T00:00:00Z' },
    { email: 'b@example.com', status: 'DISABLED' },
    { email: 'c@example.com', status: 'ACTIVE', emailVerifiedAt: '2021-01-01T00:00:00Z' },
    { email: 'd@example.com' },
    { email: 'e@example.com', createdAt: 'long ago', lastLoginAt: '2022-01-01T00:00:00Z' },
    { email: 'f@example.com', createdAt: '2999-01-01T00:00:00Z' },
  ].map((line) => JSON.stringify(line));
  const { people } = await readContent(openJsonl, lines.join('\n'), { isEmailVerified: true });
  expect(people.map(({ fields }) => fields.emailVerifiedAt)).toEqual([
    '2020-01-01T00:00:00Z',
    undefined,
    '2021-01-01T00:00:00Z',
    new Date('2026-11-29T11:59:00Z'),
    '2022-01-01T00:00:00Z',
    new Date('2026-11-29T11:59:00Z'),
  ]);
});

test.runIf(process.platform === 'linux')(
  'the file is closed when the reader stops early',
  async () => {
    const line = `${JSON.stringify({ email: 'a@example.com', metadata: { x: 'y'.repeat(1000) } })}\n`;
    await withFile(line.repeat(2000), async (path) => {
      const openFiles = () => readdirSync('/proc/self/fd').length;
      const { people } = await openJsonl(path, defaultOptions);
      const before = openFiles();
      for await (const person of people) {
        expect(person.position).toBe(1);
        expect(openFiles()).toBe(before + 1);
        break;
      }
      expect(openFiles()).toBe(before);
    });
  },
);

test('a misnamed address and a password in plain text have a remedy', async () => {
  const lines = ['{"EMAIL":"a@example.com"}', '{"email":"b@example.com","password":"Secret1"}'];
  const { people, faults, summary } = await readContent(openJsonl, lines.join('\n'));
  expect(people.map(fieldsOf)).toEqual([{ email: 'b@example.com' }]);
  expect(faults).toMatchObject([{ position: 1, message: expect.stringContaining('named email') }]);
  expect(summary).toMatchObject([
    { field: 'EMAIL', remedy: 'Rename it to email.' },
    { field: 'password', remedy: expect.stringContaining('plain text are not imported') },
  ]);
});
