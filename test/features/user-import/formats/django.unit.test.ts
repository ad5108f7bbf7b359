/** Reading dumps of Django. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openDjango } from '../../../../src/features/user-import/formats/django.ts';
import type { SourcePerson } from '../../../../src/features/user-import/source.ts';
import { fieldsOf, fixture, readAll, readContent, refusalOf, withFile } from './files.ts';

const dump = fixture('django-dumpdata.json');

const contentTypes = [
  { model: 'contenttypes.contenttype', pk: 1, fields: { app_label: 'auth', model: 'user' } },
  { model: 'contenttypes.contenttype', pk: 2, fields: { app_label: 'shop', model: 'order' } },
];
const permissions = [
  {
    model: 'auth.permission',
    pk: 1,
    fields: { name: 'Can add user', content_type: 1, codename: 'add_user' },
  },
  {
    model: 'auth.permission',
    pk: 2,
    fields: { name: 'Can view order', content_type: 2, codename: 'view_order' },
  },
];

/** A row of a model of people. */
function user(pk: unknown, fields: object = {}, model = 'auth.user') {
  return { model, pk, fields: { password: '', last_login: null, ...fields } };
}

function byEmail(people: readonly SourcePerson[], email: string): Record<string, unknown> {
  return fieldsOf(people.find(({ fields }) => fields.email === email));
}

test('the dump of a real Django 3.2 has people, groups and permissions', async () => {
  const {
    people,
    groups,
    permissions: definitions,
    summary,
    total,
  } = await readAll(openDjango, dump);
  expect(total).toBe(14);
  expect(people.map(({ position }) => position)).toEqual(
    Array.from({ length: 14 }, (_, i) => i + 1),
  );
  expect(byEmail(people, 'marie@example.net')).toEqual({
    externalId: '1',
    email: 'marie@example.net',
    username: 'marie',
    firstName: 'Marie',
    lastName: 'Curie',
    status: 'ACTIVE',
    isStaff: false,
    isSuperuser: false,
    passwordHash:
      'pbkdf2_sha256$260000$8QL5aN7GNV8j9M9GgrZD7c$hAPRuXmnMOqHAVeioPJrf7tqmJDM4pP7fY42cBd/Glg=',
    createdAt: '2026-11-28T11:25:47.039Z',
    groups: ['Editors'],
    permissions: ['users.add_user'],
  });
  expect(byEmail(people, 'inactive@example.net').status).toBe('DISABLED');
  expect(byEmail(people, 'zoë@example.net').lastName).toBe('de "la" Cruz');
  expect(groups).toEqual([
    { name: 'Editors', description: 'Write articles', permissions: ['users.change_user'] },
  ]);
  expect(definitions.map(({ codename }) => codename)).toEqual([
    'users.add_user',
    'users.change_user',
    'users.delete_user',
    'users.view_user',
    'users.add_group',
    'users.change_group',
    'users.delete_group',
    'users.view_group',
    'users.add_onetimepassword',
    'users.change_onetimepassword',
    'users.delete_onetimepassword',
    'users.view_onetimepassword',
  ]);
  expect(summary).toEqual([
    { field: 'updated_at', message: 'The column was left out. (14 people)' },
  ]);
});

test('the meaning of an inactive account is an option', async () => {
  const { people } = await readAll(openDjango, dump, {
    inactive: 'PENDING',
    isEmailVerified: true,
  });
  expect(byEmail(people, 'inactive@example.net')).toMatchObject({ status: 'PENDING' });
  expect(byEmail(people, 'inactive@example.net')).not.toHaveProperty('emailVerifiedAt');
  expect(byEmail(people, 'staff@example.net').emailVerifiedAt).toBe('2026-11-28T11:25:48.006Z');
});

test('the same dump as JSON Lines, on one line, and with CRLF gives the same people', async () => {
  const text = readFileSync(dump, 'utf8');
  const objects: unknown[] = JSON.parse(text);
  const { people } = await readAll(openDjango, dump);
  for (const content of [
    objects.map((object) => JSON.stringify(object)).join('\n'),
    JSON.stringify(objects),
    `\ufeff${text.replaceAll('\n', '\r\n')}`,
  ]) {
    expect((await readContent(openDjango, content)).people).toEqual(people);
  }
});

test('natural keys name groups, permissions and content types', async () => {
  const {
    people,
    groups,
    permissions: definitions,
    summary,
  } = await readContent(
    openDjango,
    JSON.stringify([
      {
        model: 'auth.permission',
        fields: { name: 'Can view order', content_type: ['shop', 'order'], codename: 'view_order' },
      },
      {
        model: 'auth.group',
        fields: { name: 'Buyers', permissions: [['view_order', 'shop', 'order']] },
      },
      { model: 'users.group', pk: ['Buyers'], fields: { description: 'Buy' } },
      {
        ...user(undefined, {
          username: 'ada',
          email: 'ada@example.com',
          groups: [['Buyers']],
          user_permissions: [['add_user', 'auth', 'user']],
        }),
      },
    ]),
  );
  expect(people.map(fieldsOf)).toEqual([
    {
      email: 'ada@example.com',
      username: 'ada',
      passwordHash: '',
      groups: ['Buyers'],
      permissions: ['auth.add_user'],
    },
  ]);
  expect(groups).toEqual([
    { name: 'Buyers', description: 'Buy', permissions: ['shop.view_order'] },
  ]);
  expect(definitions).toEqual([
    { codename: 'shop.view_order', name: 'Can view order' },
    { codename: 'auth.add_user', name: 'auth.add_user' },
  ]);
  expect(summary).toEqual([
    {
      field: 'externalId',
      message: 'The dump has no primary key, so there is no external id. (1 person)',
      remedy: 'Dump without --natural-primary.',
    },
  ]);
});

test('a codename with an asterisk does not match other permissions', async () => {
  const { people } = await readContent(
    openDjango,
    JSON.stringify([
      user(1, { email: 'a@example.com', user_permissions: [['*', 'shop', 'order']] }),
    ]),
  );
  expect(people[0]?.fields.permissions).toEqual(['shop._']);
});

test('other columns go into metadata, except secrets and times of changes', async () => {
  const { people, summary } = await readContent(
    openDjango,
    JSON.stringify([
      user(
        '8c7b2a1e-0000-4000-8000-000000000001',
        {
          username: 'ADA@example.com',
          email: 'ada@example.com',
          name: 'Ada King Noel',
          language: 'en_GB',
          date_joined: '2020-01-01T10:00:00.123456',
          last_login: '2021-01-01 10:00:00+02',
          phone: '+49 30 1',
          newsletter: false,
          settings: { theme: 'dark', accounts: [{ api_token: 'secret-3' }] },
          nickname: '',
          company: null,
          reset_token: 'secret-1',
          otp_secret: 'secret-2',
          modified: '2021-01-01T00:00:00Z',
        },
        'accounts.user',
      ),
      { model: 'accounts.profile', pk: 1, fields: { user: 1, bio: 'x' } },
    ]),
  );
  expect(people.map(fieldsOf)).toEqual([
    {
      externalId: '8c7b2a1e-0000-4000-8000-000000000001',
      email: 'ada@example.com',
      passwordHash: '',
      firstName: 'Ada',
      lastName: 'King Noel',
      locale: 'en-GB',
      createdAt: '2020-01-01T10:00:00.123456Z',
      lastLoginAt: '2021-01-01T10:00:00+02:00',
      metadata: {
        phone: '+49 30 1',
        newsletter: false,
        settings: { theme: 'dark', accounts: [{}] },
      },
    },
  ]);
  expect(summary?.map(({ field, message }) => `${field}: ${message}`)).toEqual([
    'phone: The column went into metadata. (1 person)',
    'newsletter: The column went into metadata. (1 person)',
    'settings: The column went into metadata. (1 person)',
    'reset_token: The column was left out: its name is that of a secret. (1 person)',
    'otp_secret: The column was left out: its name is that of a secret. (1 person)',
    'modified: The column was left out. (1 person)',
    'times: Times without a zone are read as UTC. (1 person)',
    'accounts.profile: The model is not imported (1 objects).',
  ]);
});

test('a dump with several models of people needs a choice', async () => {
  const content = JSON.stringify([
    user(1, { email: 'a@example.com' }, 'shop.customer'),
    user(1, { email: 'b@example.com' }, 'auth.user'),
  ]);
  expect(await refusalOf(openDjango, content)).toContain(
    'Choose the model of people with --user-model. The dump has shop.customer, auth.user.',
  );
  expect(await refusalOf(openDjango, content, { userModel: 'shop.order' })).toContain(
    'The dump has shop.customer, auth.user.',
  );
  const { people } = await readContent(openDjango, content, { userModel: 'Auth.User' });
  expect(people.map(({ fields }) => fields.email)).toEqual(['b@example.com']);
});

test('permissions by number need their models in the dump', async () => {
  const grants = user(1, { email: 'a@example.com', user_permissions: [2], groups: [] });
  const member = user(1, { email: 'a@example.com', groups: [7] });
  expect(await refusalOf(openDjango, JSON.stringify([grants]))).toContain(
    'The dump refers to objects of auth.permission and contenttypes that it does not have. ' +
      'Dump them together with the people: manage.py dumpdata auth.permission auth.group contenttypes',
  );
  expect(await refusalOf(openDjango, JSON.stringify([grants, ...permissions]))).toContain(
    'objects of contenttypes',
  );
  expect(await refusalOf(openDjango, JSON.stringify([member]))).toContain('objects of auth.group');
  const { people, permissions: definitions } = await readContent(
    openDjango,
    JSON.stringify([grants, ...permissions, ...contentTypes]),
  );
  expect(people[0]?.fields.permissions).toEqual(['shop.view_order']);
  expect(definitions).toEqual([{ codename: 'shop.view_order', name: 'Can view order' }]);
});

test('a person without groups has an empty list, which is not the same as a missing column', async () => {
  const content = JSON.stringify([
    user(1, { email: 'a@example.com', groups: [], user_permissions: [] }),
    user(2, { email: 'b@example.com' }),
  ]);
  const { people } = await readContent(openDjango, content);
  expect(people.map(({ fields }) => [fields.groups, fields.permissions])).toEqual([
    [[], []],
    [undefined, undefined],
  ]);
});

test('a reference to an object that is not in the dump is a note for the person', async () => {
  const { people } = await readContent(
    openDjango,
    JSON.stringify([
      user(1, { email: 'a@example.com', user_permissions: [1, 9], groups: [] }),
      ...permissions,
      ...contentTypes,
    ]),
  );
  expect(people[0]?.fields.permissions).toEqual(['auth.add_user']);
  expect(people[0]?.notes).toEqual([
    { field: 'permissions', message: 'The dump does not have number 9.' },
  ]);
});

test.each([
  ['XML', '<?xml version="1.0"?>', 'Is not a dump of Django in JSON.'],
  ['YAML', '- model: auth.user', 'Is not a dump of Django in JSON.'],
  [
    'another JSON',
    '[{"email":"secret@example.com"}]',
    'Object 1 of the file is not an object with "model"',
  ],
  ['without people', JSON.stringify(contentTypes), 'The dump has no model of people'],
  ['an empty array', '[]', 'The dump has no model of people'],
  [
    'cut off',
    readFileSync(dump).subarray(0, 9000),
    'The file is cut off: its JSON ends in the middle, at line 467 (byte 9001 of the file).',
  ],
  ['broken', '[\n{"model": "a.b" "secret": 1}]', 'The file is not valid JSON at line 2 (byte 19'],
  ['two documents', '[]\n[]', 'The file is not valid JSON at line 2'],
  [
    'cut off in a line',
    '{"model":"a.b","fields":{}}\n{"mod',
    'The file is cut off: its last line, 2',
  ],
])('a file that is %s is refused without its text', async (_, content, message) => {
  const refusal = await refusalOf(openDjango, content);
  expect(refusal).toContain(`VALIDATION_FAILED file: `);
  expect(refusal).toContain(message);
  expect(refusal).not.toContain('secret');
});

test('an object that cannot be read is refused, and the next one is read', async () => {
  const lines = [
    JSON.stringify(user(1, { email: 'a@example.com' })),
    '{"mod',
    '{"secret": 1}',
    JSON.stringify(user(2, { email: 'b@example.com' })),
  ];
  const { people, faults, total } = await readContent(openDjango, lines.join('\n'));
  expect(people.map(({ position, fields }) => [position, fields.email])).toEqual([
    [1, 'a@example.com'],
    [4, 'b@example.com'],
  ]);
  const reason = 'Object 3 of the file is not an object with "model" and "fields".';
  expect(faults).toEqual([
    { position: 2, message: 'Line 2 of the file: The line is not valid JSON.' },
    { position: 3, message: reason },
  ]);
  expect(total).toBe(4);
});

test('a person with too much data is a fault, another large object is not', async () => {
  const large = 'x'.repeat(1024 * 1024);
  const content = JSON.stringify([
    { model: 'blog.post', pk: 1, fields: { text: large } },
    user(1, { email: 'a@example.com', bio: large }),
    user(2, { email: 'b@example.com' }),
  ]);
  const { people, faults } = await readContent(openDjango, content);
  expect(faults).toEqual([{ position: 1, message: 'The person has more than 1 MiB.' }]);
  expect(people.map(({ position, fields }) => [position, fields.email])).toEqual([
    [2, 'b@example.com'],
  ]);
});

test('100,000 people need no memory for each', async () => {
  const rows = Array.from({ length: 1000 }, (_, index) =>
    JSON.stringify(user(index, { email: `p${index}@example.com`, bio: 'x'.repeat(300) }), null, 1),
  ).join(',\n');
  const content = `[${Array(100).fill(rows).join(',')}]`;
  await withFile(content, async (path) => {
    const { people, total } = await openDjango(path, {
      inactive: 'DISABLED',
      isEmailVerified: false,
    });
    expect(total).toBe(100_000);
    let count = 0;
    let isInOrder = true;
    let peak = 0;
    for await (const person of people) {
      count += 1;
      isInOrder &&= person.position === count;
      if (count % 1000 === 0) peak = Math.max(peak, process.memoryUsage().heapUsed);
    }
    expect(count).toBe(100_000);
    expect(isInOrder).toBe(true);
    expect(peak).toBeLessThan(400 * 2 ** 20);
  });
}, 60_000);
