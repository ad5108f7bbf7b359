/** Reading CSV. */
import { readdirSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCsv } from '../../../../src/features/user-import/formats/csv.ts';
import { CsvRows } from '../../../../src/features/user-import/reading/csv-rows.ts';
import { blocksOf } from '../../../docs/pages.ts';
import { defaultOptions, fieldsOf, readContent, refusalOf, withFile } from './files.ts';

test('a row has all fields of a person', async () => {
  const { people, summary, total } = await readContent(
    openCsv,
    [
      'id,externalId,email,username,first_name,lastName,status,is_staff,isSuperuser,password_hash,locale,metadata,created_at,lastLoginAt,email_verified_at,groups,permissions',
      '7,42,ada@example.com,ada,Ada,"King, ""Lovelace""",ACTIVE,1,false,$2b$12$hash,en,"{""team"":""x""}",2020-01-01T00:00:00Z,,2020-01-02T00:00:00Z,Editors; Writers,"[""shop.view_order""]"',
    ].join('\n'),
  );
  expect(people.map(fieldsOf)).toEqual([
    {
      externalId: '42',
      email: 'ada@example.com',
      username: 'ada',
      firstName: 'Ada',
      lastName: 'King, "Lovelace"',
      status: 'ACTIVE',
      isStaff: true,
      isSuperuser: false,
      passwordHash: '$2b$12$hash',
      locale: 'en',
      metadata: { team: 'x' },
      createdAt: '2020-01-01T00:00:00Z',
      emailVerifiedAt: '2020-01-02T00:00:00Z',
      groups: ['Editors', 'Writers'],
      permissions: ['shop.view_order'],
    },
  ]);
  expect(summary).toEqual([]);
  expect(total).toBe(1);
});

test('other columns go into metadata, except secrets', async () => {
  const { people, summary } = await readContent(
    openCsv,
    'email,phone,metadata,api_key\na@example.com,1,"{""x"":1}",secret\nb@example.com,2,,\nc@example.com,,,\n',
  );
  expect(people.map(({ fields }) => fields.metadata)).toEqual([
    { phone: '1', x: 1 },
    { phone: '2' },
    undefined,
  ]);
  expect(summary).toEqual([
    { field: 'phone', message: 'The column went into metadata. (2 people)' },
    {
      field: 'api_key',
      message: 'The column was left out: its name is that of a secret. (1 person)',
      remedy: expect.stringContaining('metadata'),
    },
  ]);
});

test('positions are lines of the file, also after values of several lines', async () => {
  const rows = ['email,notes', 'a@example.com,"one\ntwo"', '', 'b@example.com,x', 'c@example.com'];
  for (const lineBreak of ['\n', '\r\n']) {
    const content = `\ufeff${rows.join('\n').replaceAll('\n', lineBreak)}`;
    const { people, faults } = await readContent(openCsv, content);
    expect(people.map(({ position, fields }) => [position, fields.email])).toEqual([
      [2, 'a@example.com'],
      [5, 'b@example.com'],
    ]);
    expect(people[0]?.fields.metadata).toEqual({ notes: `one${lineBreak}two` });
    expect(faults).toEqual([
      {
        position: 6,
        message: 'The row has 1 value, and the header has 2.',
        remedy: expect.stringContaining('Quote a value'),
      },
    ]);
  }
});

test('a file has no people after its header, and other separators', async () => {
  expect((await readContent(openCsv, 'email,username\n')).people).toEqual([]);
  const { people } = await readContent(openCsv, 'email;groups\na@example.com;"A;B"\n');
  expect(people.map(fieldsOf)).toEqual([{ email: 'a@example.com', groups: ['A', 'B'] }]);
  const tabs = await readContent(openCsv, 'email\tusername\na@example.com\ta,b\n');
  expect(tabs.people.map(fieldsOf)).toEqual([{ email: 'a@example.com', username: 'a,b' }]);
});

test('the example of docs/moving-people.md is read, and a column with another spelling has a remedy', async () => {
  const [example] = blocksOf('docs/moving-people.md').filter(
    ({ info }) => info === 'csv people.csv',
  );
  const text = example?.text ?? '';
  const { people, summary } = await readContent(openCsv, text);
  expect(people.map(fieldsOf)).toMatchObject([
    { email: 'emmy@example.com', firstName: 'Emmy', groups: ['Editors', 'Guests'], isStaff: true },
    {
      email: 'ada@example.com',
      lastName: 'King, Countess of "Lovelace"',
      metadata: { city: 'London' },
    },
  ]);
  expect(summary).toEqual([
    { field: 'city', message: 'The column went into metadata. (2 people)' },
  ]);
  const renamed = await readContent(openCsv, text.replace('first_name', 'First Name'));
  expect(renamed.summary).toContainEqual(
    expect.objectContaining({
      field: 'First Name',
      remedy: 'Rename it to firstName if it is that.',
    }),
  );
});

test('a value of metadata does not replace the column of the same name', async () => {
  const { people } = await readContent(
    openCsv,
    'email,plan,metadata\na@example.com,free,"{""plan"":""pro"",""x"":1}"\nb@example.com,,"{""plan"":""pro""}"\n',
  );
  expect(people.map(({ fields }) => fields.metadata)).toEqual([{ plan: 'free', x: 1 }, {}]);
});

test('rows without a value are ignored, as spreadsheets write them', async () => {
  const { people, faults } = await readContent(openCsv, 'email;x\na@example.com;1\n;\n ;;\n');
  expect([people.length, faults]).toEqual([1, []]);
});

test('a column of passwords in plain text is left out, and its remedy is not metadata', async () => {
  const { people, summary } = await readContent(openCsv, 'email,password\na@example.com,Secret1\n');
  expect(people.map(fieldsOf)).toEqual([{ email: 'a@example.com' }]);
  expect(summary?.[0]?.remedy).toMatch(/^Passwords in plain text are not imported/);
});

test.each([
  ['ada@example.com,$2b$12$secret,Ada\nbea@example.com,$2b$12$secret,Bea\n', /passwordHash\.$/],
  ['secret@example.com\n', /passwordHash\.$/],
  [
    'E-Mail;Vorname\na@example.com;Ada\n',
    /Rename the column "E-Mail" to email\. .*E-Mail, Vorname\.$/,
  ],
  ['Email,Strasse 1\na@example.com,secret\n', /Rename the column "Email" to email/],
])('a file without the column email is refused', async (content, message) => {
  const refusal = await refusalOf(openCsv, content);
  expect(refusal).toContain('The column email is missing. The first line must be a header');
  expect(refusal).toMatch(message);
  expect(refusal).not.toMatch(/secret|@|\$/);
});

test('metadata that is no JSON is a fault of the row', async () => {
  const { people, faults } = await readContent(
    openCsv,
    'email,metadata\na@example.com,{secret\nb@example.com,\n',
  );
  expect(people).toHaveLength(1);
  expect(faults).toEqual([
    { position: 2, message: 'The metadata are not valid JSON.', email: 'a@example.com' },
  ]);
});

test('a row with more than 1 MiB is refused with its line, and the next one is read', async () => {
  const long = 'secret'.repeat(200_000);
  const content = [
    'email,x',
    `a@example.com,${long}`,
    `b@example.com,"${long}\n\n"`,
    'c@example.com,1',
  ];
  const { people, faults } = await readContent(openCsv, content.join('\n'));
  expect(people.map(({ position, fields }) => [position, fields.email])).toEqual([
    [6, 'c@example.com'],
  ]);
  expect(faults).toEqual([
    { position: 2, message: 'The row has more than 1 MiB.' },
    {
      position: 3,
      message: 'The row has more than 1 MiB. It ends in line 5. Is a quotation mark missing?',
    },
  ]);
});

test('a row with a quotation mark in a value without quotes is refused, and the next one is read', async () => {
  const content = 'email,x\na@example.com,x "secret, 5"" y\nb@example.com,"5"" z"\n';
  const { people, faults } = await readContent(openCsv, content);
  expect(people.map(({ fields }) => fields.metadata)).toEqual([{ x: '5" z' }]);
  expect(faults).toEqual([
    {
      position: 2,
      message: 'The row has a quotation mark in a value without quotes.',
      remedy: expect.stringContaining('twice'),
    },
  ]);
});

test.each([
  ['a quotation mark in its first value', 'a "b@example.com,'],
  ['a first value of more than 1 MiB', `${'a'.repeat(1024 * 1024 + 1)},`],
])('a last row with %s is refused also without a line break', async (_, row) => {
  const { people, faults } = await readContent(openCsv, `email,x\na@example.com,1\n${row}`);
  expect(people).toHaveLength(1);
  expect(faults).toMatchObject([{ position: 3 }]);
});

test('rows that a missing quotation mark joins are one refused row, with its last line', async () => {
  const content = 'email,x,y\na@example.com,"x,y\nb@example.com,x,"\nc@example.com,x,y\n';
  const { people, faults } = await readContent(openCsv, content);
  expect(people.map(({ fields }) => fields.email)).toEqual(['c@example.com']);
  expect(faults).toMatchObject([
    {
      position: 2,
      message:
        'The row has 2 values, and the header has 3. It ends in line 3. Is a quotation mark missing?',
    },
  ]);
});

test('the reader agrees with another parser on any valid file, in chunks of any size', () => {
  const value = fc.string({
    unit: fc.constantFrom('a', 'é', '"', ',', '\n', '\r', ' ', '😀'),
    maxLength: 5,
  });
  const rows = fc.array(fc.array(value, { minLength: 2, maxLength: 3 }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(
      rows,
      fc.constantFrom('\n', '\r\n'),
      fc.integer({ min: 1, max: 7 }),
      (table, end, size) => {
        const quoted = (text: string) =>
          /[",\r\n ]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
        const text = table.map((row) => row.map(quoted).join(',') + end).join('');
        const reader = new CsvRows(',', 1024);
        const characters = [...text];
        const read = Array.from({ length: Math.ceil(characters.length / size) }, (_, index) =>
          reader.read(characters.slice(index * size, (index + 1) * size).join('')),
        );
        const found = [...read.flat(), ...reader.end()].map(({ values }) => values);
        expect(found).toEqual(table);
        expect(found).toEqual(parse(text, { relax_column_count: true, record_delimiter: end }));
      },
    ),
  );
});

test.each([
  ['empty', '', 'The file is empty.'],
  ['only empty lines', '\n\n', 'The file is empty.'],
  ['with a column twice', 'email,email\n', 'The header has a column twice.'],
  ['with a column without a name', 'email,\n', 'A column has no name.'],
  [
    'cut off in a quoted value',
    'email,x\na@example.com,"secret',
    'Line 2 begins a quoted value that does not end. The file can be cut off.',
  ],
  [
    'cut off in a quoted value of many lines',
    `email,x\na@example.com,"ok ""\n""secret"\nb@example.com,"${'secret\n'.repeat(50)}`,
    'Line 4 begins a quoted value that does not end.',
  ],
  [
    'with an open quote before many lines',
    `email,x\na@example.com,"${'secret\n'.repeat(200_000)}`,
    'Line 2 begins a quoted value that does not end. The file can be cut off.',
  ],
  [
    'with text after quotes',
    'email,x\na@example.com,"x"secret\n',
    'Line 2 has text after a closing quotation mark. Write " as "".',
  ],
  [
    'with text after quotes of another line',
    'email,x\na@example.com,"secret\nb@example.com,\nc@example.com,"secret"\n',
    'Line 4 has text after a closing quotation mark. Write " as "". The value begins in line 2.',
  ],
  [
    'with a space before quotes, which could hide the end of a row',
    'email,x\na@example.com,x"x, "secret\nb@example.com,"\n',
    'Line 2 has a space before a quotation mark. Remove spaces around quoted values.',
  ],
  [
    'with a header of more than 1 MiB',
    `email,${'secret'.repeat(200_000)}\n`,
    'Line 1, the header, cannot be read. The row has more than 1 MiB.',
  ],
  [
    'Latin-1',
    Buffer.from('email,x\na@example.com,zo\u00eb\n', 'latin1'),
    'The file is not UTF-8 at line 2 (byte 25 of the file).',
  ],
])('a file that is %s is refused without its text', async (_, content, message) => {
  const refusal = await refusalOf(openCsv, content);
  expect(refusal).toContain(`VALIDATION_FAILED file: ${message}`);
  expect(refusal).not.toContain('secret');
});

test.runIf(process.platform === 'linux')(
  'the file is closed when the reader stops early',
  async () => {
    const row = `a@example.com,${'y'.repeat(1000)}\n`;
    await withFile(`email,x\n${row.repeat(2000)}`, async (path) => {
      const openFiles = () => readdirSync('/proc/self/fd').length;
      const { people } = await openCsv(path, defaultOptions);
      const before = openFiles();
      for await (const person of people) {
        expect(person.position).toBe(2);
        break;
      }
      await expect.poll(openFiles).toBe(before);
    });
  },
);
