/** The format of a file is recognized by its beginning. */
import { expect, test } from 'vitest';
import { Problem } from '../../../../src/core/errors.ts';
import {
  readerOf,
  recognizeFormat,
} from '../../../../src/features/user-import/formats/choose-format.ts';
import { formatNames } from '../../../../src/features/user-import/formats/format-names.ts';
import { rowsOf } from '../../../docs/pages.ts';
import { fixture, readContent, withFile } from './files.ts';

const recognize = (content: string, name?: string) => withFile(content, recognizeFormat, name);

test.each([
  ['jsonl', '{"email":"a@example.com"}\n{"email":"b@example.com"}\n'],
  ['jsonl', '\ufeff\n{"externalId":"1","email":"a@example.com"}'],
  ['csv', 'email,first_name\na@example.com,Ada\n'],
  ['csv', 'id;email\n1;a@example.com\n'],
  ['django', '[{"model":"auth.user","pk":1,"fields":{}}]'],
  ['django', '[\n{\n "model": "auth.user",\n "pk": 1,\n "fields": {}\n},\n{'],
  ['django', '{"model":"auth.user","pk":1,"fields":{}}\n'],
])('a file of %s is recognized', async (format, content) => {
  expect(await recognize(content)).toBe(format);
});

test('the end of the name decides for other content', async () => {
  expect(await recognize('externalId\n1\n', 'people.csv')).toBe('csv');
  expect(await recognize('{"firstName":"Ada"}\n', 'people.JSONL')).toBe('jsonl');
});

test.each([
  ['text', 'Dear all'],
  ['an array of people', '[{"email":"a@example.com"}]'],
  ['an empty array', '[]'],
  ['a number', '42'],
])('%s has no clear format', async (_, content) => {
  const error = await recognize(content).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Problem);
  expect(error).toHaveProperty('fields', [
    {
      path: 'file',
      message: `The format is not clear. Choose it with --format: ${formatNames.join(', ')}.`,
    },
  ]);
});

test('a format has a reader', async () => {
  const { people } = await readContent(readerOf('jsonl'), '{"email":"a@example.com"}');
  expect(people).toHaveLength(1);
});

test.each([
  ['django', 'django-dumpdata.json'],
  ['keycloak', 'import/keycloak-realm.json'],
  ['keycloak', 'import/keycloak-users.json'],
  ['supabase', 'import/supabase.csv'],
  ['supabase', 'import/supabase.json'],
  ['auth0', 'import/auth0.ndjson'],
  ['auth0', 'import/auth0-hashes.ndjson'],
  ['auth0', 'import/auth0.csv'],
  ['firebase', 'import/firebase.json'],
])('the format %s of %s is recognized', async (format, name) => {
  expect(await recognizeFormat(fixture(name))).toBe(format);
});

test('docs/moving-people.md lists every format', () => {
  const documented = rowsOf('docs/moving-people.md', 'Formats').map(([cell]) => cell);
  const names = formatNames.map((name) => `\`${name}\``);
  expect(documented.slice(0, names.length)).toEqual(names);
});
