/** Reading exports of Auth0. */
import { expect, test } from 'vitest';
import { openAuth0 } from '../../../../src/features/user-import/formats/auth0.ts';
import { fieldsOf, fixture, logsIn, readAll, readContent, refusalOf } from './files.ts';

test('a line of the bulk export has the fields of a person', async () => {
  const { people, summary } = await readAll(openAuth0, fixture('import/auth0.ndjson'));
  expect(fieldsOf(people[0])).toEqual({
    externalId: 'auth0|5dea9f9c82dd7c0e76e4ec93',
    email: 'ada@example.com',
    username: 'ada',
    firstName: 'Ada',
    lastName: 'Lovelace',
    status: 'ACTIVE',
    createdAt: '2019-12-06T18:36:12.412Z',
    lastLoginAt: '2020-12-06T18:36:12.412Z',
    emailVerifiedAt: '2019-12-06T18:36:12.412Z',
    metadata: {
      app: { plan: 'pro' },
      connections: ['Username-Password-Authentication'],
      picture: 'https://s.gravatar.com/avatar/1',
      user: { country: 'UK' },
    },
  });
  expect(fieldsOf(people[1])).toMatchObject({
    externalId: 'google-oauth2|1077',
    firstName: 'Bea',
    lastName: "'t Hooft",
    metadata: { nickname: 'queen', connections: ['google-oauth2'] },
  });
  expect(fieldsOf(people[2])).toMatchObject({ status: 'DISABLED' });
  expect(fieldsOf(people[2])).not.toHaveProperty('emailVerifiedAt');
  expect(summary?.map(({ field, message }) => `${field}: ${message}`)).toEqual([
    'multifactor: The second factors are not imported. (1 person)',
    'secret_word: The value was left out: its name is that of a secret. (1 person)',
  ]);
});

test('the export of password hashes has ids of the bulk export, and its passwords log in', async () => {
  const { people } = await readAll(openAuth0, fixture('import/auth0-hashes.ndjson'));
  expect(people.map(({ fields }) => [fields.externalId, fields.email])).toEqual([
    ['auth0|5dea9f9c82dd7c0e76e4ec93', 'ada@example.com'],
    ['auth0|euclid', 'euclid@example.com'],
  ]);
  expect(people.map(({ fields }) => fields.emailVerifiedAt !== undefined)).toEqual([false, true]);
  for (const { fields } of people) {
    expect(logsIn(fields.passwordHash, 'Harbour-Violin-62')).toBe(true);
  }
});

test('the CSV has a quotation mark before each text', async () => {
  const { people } = await readAll(openAuth0, fixture('import/auth0.csv'));
  expect(people.map(fieldsOf)).toEqual([
    {
      externalId: 'auth0|5dea9f9c82dd7c0e76e4ec93',
      email: 'ada@example.com',
      firstName: 'Ada',
      lastName: '"The" Lovelace',
      status: 'ACTIVE',
      createdAt: '2019-12-06T18:36:12.412Z',
      emailVerifiedAt: '2019-12-06T18:36:12.412Z',
      metadata: { user: { country: 'UK' } },
    },
    {
      externalId: 'auth0|5dea9f9c82dd7c0e76e4ec94',
      email: 'jan@example.com',
      firstName: "'t",
      lastName: 'Hooft',
      status: 'DISABLED',
      createdAt: '2019-12-06T18:36:12.412Z',
    },
  ]);
});

test('metadata that people write themselves cannot replace other metadata', async () => {
  const own = {
    app: { role: 'admin' },
    phone: '+1',
    connections: ['x'],
    x: { api_token: 'secret' },
  };
  const person = { email: 'a@example.com', user_id: 'auth0|1', user_metadata: own };
  const { people, summary } = await readContent(openAuth0, JSON.stringify([person]));
  expect(people[0]?.fields.metadata).toEqual({ user: { ...own, x: {} } });
  expect(summary?.map(({ field }) => field)).toEqual(['api_token']);
});

/** The md5 of `pepper` and the password. */
const md5 = '4332474dfbda8658a9fe3f2fd2538cf2';

test.each([
  ['bcrypt', { algorithm: 'bcrypt', hash: { value: '$2a$10$hash' } }, '$2a$10$hash'],
  ['argon2', { algorithm: 'argon2', hash: { value: '$argon2id$v=19$x' } }, '$argon2id$v=19$x'],
  [
    'pbkdf2',
    { algorithm: 'pbkdf2', hash: { value: '$pbkdf2-sha256$i=1,l=32$a$b', encoding: 'utf8' } },
    '$pbkdf2-sha256$i=1,l=32$a$b',
  ],
  [
    'md5 in hex with a salt before the password',
    {
      algorithm: 'md5',
      hash: { value: md5, encoding: 'hex' },
      salt: { value: 'pepper', position: 'prefix' },
    },
    `md5$pepper$${md5}`,
  ],
  [
    'md5 in base64 with a salt in base64',
    {
      algorithm: 'md5',
      hash: { value: Buffer.from(md5, 'hex').toString('base64'), encoding: 'base64' },
      salt: { value: Buffer.from('pepper').toString('base64'), encoding: 'base64' },
    },
    `md5$pepper$${md5}`,
  ],
])('a custom hash of %s is taken', async (_, custom, hash) => {
  const person = { email: 'a@example.com', custom_password_hash: custom };
  const { people } = await readContent(openAuth0, JSON.stringify([person]));
  expect(people[0]?.fields.passwordHash).toBe(hash);
});

test.each([
  [
    'sha512',
    { algorithm: 'sha512', hash: { value: 'c2VjcmV0', encoding: 'base64' } },
    'The algorithm of the custom password hash cannot be verified.',
  ],
  [
    'md5 with a salt after the password',
    {
      algorithm: 'md5',
      hash: { value: md5, encoding: 'hex' },
      salt: { value: 'pepper', position: 'suffix' },
    },
    'The custom password hash has a salt or an encoding that cannot be verified.',
  ],
  [
    'md5 of another length',
    { algorithm: 'md5', hash: { value: 'c2VjcmV0', encoding: 'hex' } },
    'The custom password hash is not valid.',
  ],
])('a custom hash of %s is a fault', async (_, custom, message) => {
  const person = { email: 'a@example.com', custom_password_hash: custom };
  const { faults } = await readContent(openAuth0, JSON.stringify([person]));
  expect(faults).toEqual([
    {
      email: 'a@example.com',
      position: 1,
      message,
      remedy: 'Remove custom_password_hash to import the person without a password.',
    },
  ]);
});

test('an export that is still compressed is refused', async () => {
  expect(await refusalOf(openAuth0, Buffer.from([0x1f, 0x8b, 8, 0]))).toContain('gunzip');
});
