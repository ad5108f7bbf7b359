/** Reading exports of Keycloak. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openKeycloak } from '../../../../src/features/user-import/formats/keycloak.ts';
import { fieldsOf, fixture, logsIn, readAll, readContent, refusalOf } from './files.ts';

const realm = fixture('import/keycloak-realm.json');

test('a realm has people, groups by path, and roles as permissions', async () => {
  const { people, faults, groups, permissions, total } = await readAll(openKeycloak, realm);
  expect(total).toBe(6);
  expect(faults).toMatchObject([{ isSkipped: true, message: expect.stringContaining('skipped') }]);
  expect(people.map(({ position }) => position)).toEqual([1, 2, 3, 4, 6]);
  expect(fieldsOf(people[0])).toEqual({
    externalId: '5e7cb6a0-0f0b-4d3c-9d8b-000000000001',
    email: 'ada@example.com',
    username: 'ada',
    firstName: 'Ada',
    lastName: 'Lovelace',
    status: 'ACTIVE',
    passwordHash:
      '$argon2id$v=19$m=7168,t=5,p=1$a2V5Y2xvYWstc2FsdC0xNg$wp3cho264ec9KlaHdKpDv5r1BUKEwnXRkQxKvYs09fk',
    locale: 'de',
    createdAt: new Date(1588888888000),
    emailVerifiedAt: new Date(1588888888000),
    groups: ['sales/europe', 'editors'],
    permissions: ['realm.editor', 'shop.manage_orders', 'shop._'],
    metadata: { attributes: { phone: '+49 30 1', teams: ['engines', 'looms'] } },
  });
  expect(fieldsOf(people[1])).toMatchObject({ email: 'Bea@example.com', status: 'DISABLED' });
  expect(fieldsOf(people[1])).not.toHaveProperty('username');
  expect(fieldsOf(people[1])).not.toHaveProperty('emailVerifiedAt');
  expect(groups).toEqual([
    { name: 'sales', permissions: ['realm.editor'] },
    { name: 'sales/europe', permissions: ['realm.editor', 'shop.manage_orders'] },
    { name: 'editors', permissions: [] },
  ]);
  expect(permissions).toEqual([
    { codename: 'realm.editor', name: 'Edits articles' },
    { codename: 'shop.manage_orders', name: 'shop.manage_orders' },
    { codename: 'shop._', name: 'All' },
  ]);
});

test('what is lost is a note of the file', async () => {
  const { summary } = await readAll(openKeycloak, realm);
  expect(summary?.map(({ field, message }) => `${field}: ${message}`)).toEqual([
    'credentials: Second factors and passkeys are not imported. (1 person)',
    'federatedIdentities: Links to identity providers are not imported. (1 person)',
    'api_token: The value was left out: its name is that of a secret. (1 person)',
    'requiredActions: The required action VERIFY_EMAIL is not taken over. (1 person)',
    'federationLink: The password is in another directory, such as LDAP. (1 person)',
  ]);
});

test('the passwords of all algorithms log in', async () => {
  const { people } = await readAll(openKeycloak, realm);
  const hashes = people.map(({ fields }) => fields.passwordHash);
  expect(hashes.map((hash) => String(hash).split('$')[1])).toEqual([
    'argon2id',
    'pbkdf2-sha256',
    'pbkdf2-sha512',
    'pbkdf2-sha1',
    undefined,
  ]);
  for (const hash of hashes.slice(0, 4)) {
    expect(logsIn(hash, 'Harbour-Violin-62')).toBe(true);
    expect(logsIn(hash, 'Harbour-Violin-63')).toBe(false);
  }
});

test('a file of users and an array of users have the same people', async () => {
  const { people } = await readAll(openKeycloak, fixture('import/keycloak-users.json'));
  expect(people.map(({ fields }) => fields.email)).toEqual(['Bea@example.com', 'cleo@example.com']);
  const { users } = JSON.parse(readFileSync(fixture('import/keycloak-users.json'), 'utf8'));
  expect((await readContent(openKeycloak, JSON.stringify(users))).people).toEqual(people);
});

test.each([
  ['no hash', {}, 'The password credential has no hash.'],
  [
    'another algorithm',
    hashed({ hashIterations: 1, algorithm: 'my-algorithm' }),
    'The algorithm of the password hash is not known.',
  ],
  [
    'no iterations',
    hashed({ algorithm: 'pbkdf2-sha256' }),
    'The password credential is not complete.',
  ],
  [
    'argon2 without parameters',
    hashed({ hashIterations: 5, algorithm: 'argon2' }),
    'The password credential is not complete.',
  ],
])('a password credential with %s is a fault', async (_, credential, message) => {
  const user = { email: 'a@example.com', credentials: [{ type: 'password', ...credential }] };
  const { people, faults } = await readContent(openKeycloak, JSON.stringify([user]));
  expect(people).toEqual([]);
  expect(faults).toEqual([
    {
      email: 'a@example.com',
      position: 1,
      message,
      remedy: 'Remove the credential to import the person without a password.',
    },
  ]);
});

function hashed(data: object) {
  return {
    secretData: JSON.stringify({ value: 'c2VjcmV0', salt: 'c2FsdA==' }),
    credentialData: JSON.stringify(data),
  };
}

test('a password in plain text is left out, and a bcrypt hash of a provider is kept', async () => {
  const { people } = await readContent(
    openKeycloak,
    JSON.stringify([
      { email: 'a@example.com', credentials: [{ type: 'password', value: 'secret' }] },
      {
        email: 'b@example.com',
        credentials: [
          {
            type: 'password',
            secretData: '{"value":"$2a$10$hash","salt":""}',
            credentialData: '{"hashIterations":10,"algorithm":"bcrypt"}',
          },
        ],
      },
    ]),
  );
  expect(people[0]?.fields.passwordHash).toBeUndefined();
  expect(people[0]?.notes).toEqual([
    { field: 'passwordHash', message: 'A password in plain text was left out.' },
  ]);
  expect(people[1]?.fields.passwordHash).toBe('$2a$10$hash');
});

test.each([
  ['a realm without users', '{"realm":"demo","groups":[]}', 'The realm has no users.'],
  ['a list of realms', '[{"realm":"demo","users":[]}]', 'Is a list of realms.'],
  ['CSV', 'email\na@example.com\n', 'Is not JSON.'],
  ['a realm that is cut off', readFileSync(realm).subarray(0, 5000), 'The file is cut off'],
  [
    'two roles with one codename',
    JSON.stringify([{ email: 'a@example.com', realmRoles: ['a b', 'a_b'] }]),
    'Two roles become the permission realm.a_b.',
  ],
])('%s is refused', async (_, content, message) => {
  expect(await refusalOf(openKeycloak, content)).toContain(`VALIDATION_FAILED file: ${message}`);
});
