/** `import users` with the files of other systems: their people log in with the same password. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf } from '../../support/command.ts';
import { databaseLine, runCommand } from '../../support/command-line.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { startService, type TestService } from '../../support/service.ts';
import { fixture } from './formats/files.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

/** Imports a fixture, with addresses at a domain of its own. */
async function importFixture(name: string, domain: string, options: readonly string[] = []) {
  const file = join(makeScratchDirectory('import'), 'people');
  const text = await readFile(fixture(name), 'utf8');
  await writeFile(file, text.replaceAll(/@example\.(com|net)/g, `@${domain}`));
  const result = await runCommand(['import', 'users', file, '--json', ...options], {
    environment: environmentOf(service.database, service.mail),
  });
  return { ...result, json: result.stdout === '' ? undefined : JSON.parse(result.stdout) };
}

/** Repeats a login that a busy machine sheds, as its response asks for. */
async function logIn(email: string, password: string): Promise<number> {
  for (;;) {
    const { status } = await service.rest('POST', '/login/', { json: { email, password } });
    if (status !== 503) return status;
    await sleep(200);
  }
}

const hashConfig = fixture('import/firebase-hash-config.txt');

test.each([
  ['keycloak', 'import/keycloak-realm.json', [], ['ada', 'cleo', 'dora'], 'Harbour-Violin-62'],
  ['supabase', 'import/supabase.csv', [], ['ada', 'cleo'], 'Harbour-Violin-62'],
  [
    'auth0',
    'import/auth0-hashes.ndjson',
    ['--emails-verified'],
    ['ada', 'euclid'],
    'Harbour-Violin-62',
  ],
  ['firebase', 'import/firebase.json', ['--hash-config', hashConfig], ['ada'], 'user1password'],
  [
    'django',
    'django-dumpdata.json',
    ['--emails-verified', '--user-model', 'users.user'],
    ['marie', 'argon2', 'bcrypt', 'bcrypt-sha256', 'boss'],
    'Harbour-Violin-62',
  ],
])(
  'people of %s log in twice, and the same file changes no account before or after that',
  async (format, file, options, names, password) => {
    const domain = `${format}.example.org`;
    const { json, stderr } = await importFixture(file, domain, [...options, '--allow-weak-hashes']);
    const again = async (...further: string[]) => {
      const update = [...options, '--allow-weak-hashes', '--on-conflict', 'update', ...further];
      const { json: repeated } = await importFixture(file, domain, update);
      expect(repeated).toMatchObject({ created: 0, updated: 0, unchanged: json.created });
    };
    await again('--dry-run');
    expect(stderr).toMatch(databaseLine);
    expect(json.created).toBeGreaterThanOrEqual(names.length);
    // One of each system: a rejection takes as long as the most expensive hash. crypto/password/foreign-hashes.test.ts
    // rejects a wrong password for every scheme.
    expect(await logIn(`${names[0]}@${domain}`, `${password}!`)).toBe(401);
    for (const name of names) {
      expect(await logIn(`${name}@${domain}`, password)).toBe(200);
      expect(await logIn(`${name}@${domain}`, password)).toBe(200);
    }
    await again();
  },
  60_000,
);

test('text that the database cannot store does not end the import', async () => {
  const file = join(makeScratchDirectory('import'), 'people.jsonl');
  const lines = [
    String.raw`{"email":"nul@text.example.org","firstName":"A\u0000","metadata":{"a\u0000":"\u0000"}}`,
    String.raw`{"email":"half@text.example.org","externalId":"e\ud800","metadata":{"a":"\udc00"}}`,
    '{"email":"next@text.example.org"}',
  ];
  await writeFile(file, lines.join('\n'));
  const { code, stdout } = await runCommand(['import', 'users', file, '--json'], {
    environment: environmentOf(service.database, service.mail),
  });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ read: 3, created: 3 });
});

test('metadata that is not valid does not prevent the import from another system', async () => {
  const file = join(makeScratchDirectory('import'), 'people.json');
  const deep = [[[[[[[[[1]]]]]]]]];
  const own = { bio: 'x'.repeat(9000), constructor: 1, deep, tiny: 1e-9, plan: 'pro' };
  const person = { email: 'long@own.example.org', raw_user_meta_data: own };
  const raw_app_meta_data = { role: 'editor' };
  await writeFile(file, JSON.stringify([{ ...person, raw_app_meta_data, phone: '+1' }]));
  const { code, stdout } = await runCommand(['import', 'users', file, '--json'], {
    environment: environmentOf(service.database, service.mail),
  });
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    created: 1,
    changed: 1,
    reasons: [{ reason: 'A value of user is too long or not valid. It was left out.' }],
  });
  const [row] = await service.database.query<{ metadata: unknown }>(
    "select metadata from users where email = 'long@own.example.org'",
  );
  expect(row?.metadata).toEqual({ app: { role: 'editor' }, phone: '+1', user: { plan: 'pro' } });
});

test('an account that another system disabled cannot log in', async () => {
  await importFixture('import/keycloak-users.json', 'disabled.example.org', [
    '--on-conflict',
    'skip',
  ]);
  expect(await logIn('bea@disabled.example.org', 'Harbour-Violin-62')).toBe(401);
});

test('a file that cannot be read writes nothing and exits with an error', async () => {
  const refused = await importFixture('import/firebase.json', 'refused.example.org');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('hash-config: The file has password hashes.');
  const missing = await importFixture('import/firebase.json', 'refused.example.org', [
    '--hash-config',
    '/no/such/file',
  ]);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain('The file of --hash-config cannot be read');
  expect(await logIn('ada@refused.example.org', 'user1password')).toBe(401);
});

test('texts of groups that are not possible here are changed and named, alike in a dry run', async () => {
  const file = join(makeScratchDirectory('import'), 'people.json');
  const dump = [
    { model: 'auth.group', pk: 1, fields: { name: 'Cooks of texts', permissions: [] } },
    { model: 'auth.group', pk: 2, fields: { name: 'Tab\tgroup', permissions: [] } },
    {
      model: 'users.group',
      pk: 1,
      fields: { description: `First line\r\nsecond ${'x'.repeat(1000)}` },
    },
    {
      model: 'users.user',
      pk: 7001,
      fields: { email: 'ada@texts.example.org', password: '', last_login: null, groups: [1, 2] },
    },
  ];
  await writeFile(file, JSON.stringify(dump));
  const run = async (...options: string[]) => {
    const result = await runCommand(['import', 'users', file, '--json', ...options], {
      environment: environmentOf(service.database, service.mail),
    });
    expect(result).toMatchObject({ code: 0 });
    return JSON.parse(result.stdout);
  };
  const dry = await run('--dry-run');
  const real = await run();
  expect(real).toMatchObject({
    created: 1,
    changed: 1,
    createdAccess: { groups: ['Cooks of texts'] },
  });
  expect([dry.reasons, dry.notes, dry.createdAccess]).toEqual([
    real.reasons,
    real.notes,
    real.createdAccess,
  ]);
  expect(JSON.stringify(real.notes)).toContain(
    'description of the group \\"Cooks of texts\\" was changed',
  );
  expect(real.reasons[0].reason).toContain(String.raw`group "Tab\tgroup" was left out`);
  const groups = await service.database.query<{ description: string }>(
    "select description from groups where name = 'Cooks of texts'",
  );
  expect(groups[0]?.description).toMatch(/^First line second x+$/);
});

test('people that a reader skips are counted, and a refused person is named by number and id', async () => {
  const file = join(makeScratchDirectory('import'), 'users.json');
  const person = (id: string, values: object) => ({ id, username: id, enabled: true, ...values });
  const broken = { type: 'password', credentialData: '{"algorithm":"unknown"}', secretData: '{}' };
  await writeFile(
    file,
    JSON.stringify([
      person('kc-service', { serviceAccountClientId: 'shop' }),
      person('kc-broken', { email: 'kc@skipped.example.org', credentials: [broken] }),
      person('kc-date', { email: 'ok@skipped.example.org' }),
      person('kc-twice', { email: 'OK@skipped.example.org' }),
    ]),
  );
  const report = `${file}.report`;
  const args = ['import', 'users', file, '--format', 'keycloak', '--report', report];
  const { stdout } = await runCommand(args, {
    environment: environmentOf(service.database, service.mail),
  });
  expect(stdout).toContain(
    '4 people read: 1 created, 0 updated, 0 unchanged, 1 skipped, 2 refused.',
  );
  expect(stdout).toMatch(/^ {2}person 2$/m);
  expect(stdout).toContain('An earlier person has the same address');
  const lines = (await readFile(report, 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { line: 1, externalId: 'kc-service', outcome: 'skipped' },
    { line: 2, externalId: 'kc-broken', email: 'kc@skipped.example.org', outcome: 'refused' },
    { line: 4, reason: expect.stringContaining('Person 3 has the same address') },
  ]);
});

test('a day that the calendar does not have is no time', async () => {
  const file = join(makeScratchDirectory('import'), 'people.jsonl');
  await writeFile(
    file,
    '{"email":"day@skipped.example.org","lastLoginAt":"2024-02-30T10:00:00Z"}\n',
  );
  const { stdout } = await runCommand(['import', 'users', file, '--json'], {
    environment: environmentOf(service.database, service.mail),
  });
  expect(JSON.parse(stdout)).toMatchObject({
    created: 1,
    changed: 1,
    reasons: [{ field: 'lastLoginAt' }],
  });
});
