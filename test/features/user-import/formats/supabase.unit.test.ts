/** Reading the users of Supabase. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openSupabase } from '../../../../src/features/user-import/formats/supabase.ts';
import { fieldsOf, fixture, logsIn, readAll, readContent, refusalOf } from './files.ts';

const json = fixture('import/supabase.json');
const csv = fixture('import/supabase.csv');

test('a row has the fields of a person', async () => {
  const { people } = await readAll(openSupabase, csv);
  expect(fieldsOf(people[0])).toEqual({
    externalId: '82fd05db-270d-46af-b29e-000000000001',
    email: 'ada@example.com',
    firstName: 'Ada',
    lastName: 'Lovelace',
    status: 'ACTIVE',
    passwordHash: '$2a$04$a1TuWUHfa0Sra0DqbAyvLe1vELfDJFuvRWIibIUXp.eJ2YdFICOSG',
    locale: 'de-DE',
    createdAt: '2025-03-14T19:25:59.217934+00:00',
    lastLoginAt: '2025-04-01T08:00:00+02:00',
    emailVerifiedAt: '2025-03-14T19:30:00.5+00:00',
    metadata: {
      app: { provider: 'email', providers: ['email'] },
      phone: '49301',
      user: { plan: 'pro' },
    },
  });
  expect(logsIn(people[0]?.fields.passwordHash, 'Harbour-Violin-62')).toBe(true);
});

test('CSV, an array and JSON Lines have the same people', async () => {
  const fromCsv = await readAll(openSupabase, csv);
  const fromJson = await readAll(openSupabase, json);
  const rows: unknown[] = JSON.parse(readFileSync(json, 'utf8'));
  const lines = rows.map((row) => JSON.stringify(row)).join('\n');
  const fromLines = await readContent(openSupabase, lines);
  expect(fromJson.people.map(fieldsOf)).toEqual(fromCsv.people.map(fieldsOf));
  expect(fromLines.people.map(fieldsOf)).toEqual(fromCsv.people.map(fieldsOf));
  expect(fromJson.faults).toEqual(fromLines.faults);
});

test('a ban counts until its end, and an address that was never confirmed is pending', async () => {
  const { people, summary } = await readAll(openSupabase, json);
  expect(people.map(({ fields }) => [fields.email, fields.status])).toEqual([
    ['ada@example.com', 'ACTIVE'],
    ['bea@example.com', 'DISABLED'],
    ['cleo@example.com', 'ACTIVE'],
    ['invited@example.com', 'PENDING'],
    ['saml@example.com', 'ACTIVE'],
  ]);
  expect(summary?.map(({ field, message }) => `${field}: ${message}`)).toEqual([
    'status: The address was never confirmed: PENDING. (1 person)',
    'is_sso_user: The account logs in by SAML, so it has no password. (1 person)',
  ]);
  const forever = { email: 'a@example.com', encrypted_password: '', banned_until: 'infinity' };
  const banned = await readContent(openSupabase, JSON.stringify([forever]));
  expect(banned.people[0]?.fields.status).toBe('DISABLED');
});

test('an account without an address is a fault', async () => {
  const { faults } = await readAll(openSupabase, json);
  expect(faults).toEqual([
    {
      position: 5,
      message: 'The account is anonymous: it has no address.',
      externalId: '82fd05db-270d-46af-b29e-000000000005',
    },
    {
      externalId: '82fd05db-270d-46af-b29e-000000000006',
      position: 6,
      message: 'The account has no address.',
      remedy: 'The account logs in by phone. Add an address to import it.',
    },
    {
      position: 7,
      message: 'The account is deleted and was skipped.',
      isSkipped: true,
      externalId: '82fd05db-270d-46af-b29e-000000000007',
      email: 'deleted@example.com',
    },
  ]);
});

test('metadata that people write themselves cannot replace other metadata', async () => {
  const own = { app: { role: 'admin' }, phone: '+1', user: 'x', deep: [{ api_token: 'secret' }] };
  const row = { email: 'a@example.com', raw_user_meta_data: own };
  const { people, summary } = await readContent(openSupabase, JSON.stringify([row]));
  expect(people[0]?.fields.metadata).toEqual({ user: { ...own, deep: [{}] } });
  expect(summary?.map(({ field }) => field)).toEqual(['api_token']);
});

test('metadata of any depth does not end the import', async () => {
  const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
  const other = '{"email":"b@example.com"}';
  for (const content of [
    `[{"email":"a@example.com","raw_user_meta_data":${deep}},${other}]`,
    `email,raw_user_meta_data\na@example.com,"${deep.replaceAll('"', '""')}"\nb@example.com,\n`,
  ]) {
    const { people } = await readContent(openSupabase, content);
    expect(people.map(({ fields }) => fields.email)).toEqual(['a@example.com', 'b@example.com']);
  }
});

test('a file that is cut off is refused', async () => {
  const start = readFileSync(json).subarray(0, 1500);
  expect(await refusalOf(openSupabase, start)).toContain('The file is cut off');
});
