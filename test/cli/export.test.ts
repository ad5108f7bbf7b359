/** `export users` and `export access`: formats, files and the rules for hashes. */
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { Client } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  environmentOf,
  findTerminal,
  runAtTerminal,
  spawnCommand,
  startCommand,
  type Variables,
} from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { runInShell } from '../support/shell.ts';

// Processes start, while other tests run.
vi.setConfig({ testTimeout: 60_000 });

let database: TestDatabase;
let environment: Variables;
let directory: string;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = environmentOf(database);
});
afterAll(() => database.drop());
beforeEach(async () => {
  directory = makeScratchDirectory('export');
  await database.query('delete from users');
  await database.query("delete from groups where name <> 'Root'");
  await database.query('delete from permissions where not is_built_in');
  return () => rm(directory, { recursive: true, force: true });
});

const run = (...args: string[]) => runCommand(['export', ...args], { environment });

/** The lines of a successful export as JSON. */
async function exportLines(...options: string[]) {
  const { code, stdout, stderr } = await run('users', ...options);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

const ada = {
  id: '019ad2b4-3a52-7c1e-9f0e-2b6f3a5d8c11',
  externalId: 'django:7',
  email: 'ada@example.com',
  username: 'ada',
  firstName: 'Ada "the first"',
  lastName: 'Lovelace, née Byron',
  status: 'ACTIVE',
  emailVerifiedAt: '2024-02-03T04:05:06.789Z',
  isStaff: true,
  isSuperuser: false,
  passwordHash: 'pbkdf2_sha256$260000$c2FsdA$aGFzaA==',
  locale: 'es-MX',
  metadata: { plan: 'gold', nested: { list: [1, null, 'línea\nnueva'] } },
  createdAt: '2019-01-02T03:04:05.678Z',
  lastLoginAt: '2025-06-07T08:09:10.000Z',
  groups: ['Editors', { name: 'Sellers', expiresAt: '2099-01-01T00:00:00.000Z' }],
  permissions: ['shop.sell', 'users.view_user'],
} as const;

async function insertAda(): Promise<void> {
  await database.query(
    `with owner as (
       insert into users (id, external_id, email, username, first_name, last_name, status, email_verified_at,
         is_staff, is_superuser, locale, metadata, created_at, updated_at, last_login_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, now(), $14) returning id
     ) insert into password_hashes select id, $15, now() from owner`,
    [
      ...[ada.id, ada.externalId, ada.email, ada.username, ada.firstName, ada.lastName, ada.status],
      ...[ada.emailVerifiedAt, ada.isStaff, ada.isSuperuser, ada.locale, ada.metadata],
      ...[ada.createdAt, ada.lastLoginAt, ada.passwordHash],
    ],
  );
  await database.query(
    "insert into permissions (id, codename, name) values (gen_random_uuid(), 'shop.sell', 'Sell')",
  );
  await database.query(
    `insert into user_permissions select $1, id from permissions
     where codename in ('users.view_user', 'shop.sell')`,
    [ada.id],
  );
  const memberships = [
    ['Editors', null],
    ['Sellers', '2099-01-01'],
    ['Former', '2020-01-01'],
  ];
  for (const [name, end] of memberships) {
    await database.query(
      `with g as (insert into groups (id, name, description) values (gen_random_uuid(), $1, 'A group') returning id)
       insert into user_groups (user_id, group_id, expires_at) select $2, id, $3 from g`,
      [name, ada.id, end],
    );
  }
}

/** Without the triggers, which no export needs and which take longer than the rows. */
async function insertUsers(count: number, metadata: object = {}): Promise<void> {
  await database.query('alter table users disable trigger user');
  await database.query(
    `insert into users (id, email, first_name, last_name, status, metadata, created_at, updated_at)
     select gen_random_uuid(), 'user-' || n || '@example.com', '', '', 'ACTIVE', $2, now(), now()
     from generate_series(1, $1::int) n`,
    [count, metadata],
  );
  await database.query('alter table users enable trigger user');
}

describe('export users', () => {
  test('a line has every field in its order, without the hash unless it is asked for', async () => {
    await insertAda();
    const { passwordHash: _hash, ...withoutHash } = ada;
    const [line] = await exportLines();
    expect(line).toEqual(withoutHash);
    expect(Object.keys(line)).toEqual(Object.keys(withoutHash));
    const [withHash] = await exportLines('--with-password-hashes');
    expect(withHash).toEqual(ada);
    expect(Object.keys(withHash)).toEqual(Object.keys(ada));
  });

  test('absent values are null, and superusers are in no group Root', async () => {
    await database.query(
      `insert into users (id, email, status, is_superuser, created_at, updated_at)
       values (gen_random_uuid(), 'root@example.com', 'PENDING', true, now(), now())`,
    );
    const [line] = await exportLines('--with-password-hashes');
    expect(line).toMatchObject({
      externalId: null,
      username: null,
      firstName: '',
      status: 'PENDING',
      emailVerifiedAt: null,
      isSuperuser: true,
      passwordHash: null,
      locale: null,
      metadata: {},
      lastLoginAt: null,
      groups: [],
      permissions: [],
    });
  });

  test('CSV has the same values: JSON in the cells of metadata, groups and permissions', async () => {
    await insertAda();
    const { stdout } = await run('users', '--format', 'csv', '--with-password-hashes');
    const [row] = parse(stdout, { columns: true }) as Record<string, string>[];
    expect(Object.keys(row ?? {})).toEqual(Object.keys(ada));
    const { metadata, groups, permissions, ...texts } = row ?? {};
    expect(JSON.parse(metadata ?? '')).toEqual(ada.metadata);
    expect(JSON.parse(groups ?? '')).toEqual(ada.groups);
    expect(JSON.parse(permissions ?? '')).toEqual(ada.permissions);
    const { metadata: _m, groups: _g, permissions: _p, ...expected } = ada;
    const asText = Object.entries(expected).map(([name, value]) => [name, String(value)]);
    expect(texts).toEqual(Object.fromEntries(asText));
  });

  test('a value that a spreadsheet would execute gets an apostrophe in CSV only', async () => {
    await insertAda();
    const formula = '=HYPERLINK("http://192.0.2.1")';
    await database.query('update users set first_name = $1, external_id = $2', [formula, "'-7"]);
    const csv = await run('users', '--format', 'csv');
    const [row] = parse(csv.stdout, { columns: true }) as Record<string, string>[];
    expect(row).toMatchObject({ firstName: `'${formula}`, externalId: "''-7" });
    expect(await exportLines()).toMatchObject([{ firstName: formula, externalId: "'-7" }]);
  });

  test('all accounts of several pages come once, and the audit log has the number', async () => {
    await insertUsers(2000);
    const lines = await exportLines('--with-password-hashes');
    expect(new Set(lines.map(({ email }) => email)).size).toBe(2000);
    expect(lines).toHaveLength(2000);
    const tail = await runCommand(['audit', 'tail', '--limit', '2', '--json'], { environment });
    const entries = tail.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const settings = { format: 'jsonl', withPasswordHashes: true };
    expect(entries).toMatchObject([
      { action: 'user-export-started', actorKind: 'operator', after: settings },
      { action: 'users-exported', after: { ...settings, count: 2000, isComplete: true } },
    ]);
  });

  test('an empty database is an empty file, or a header', async () => {
    expect(await run('users')).toMatchObject({ code: 0, stdout: '' });
    const { stdout } = await run('users', '--format', 'csv');
    expect(stdout.trim().split(',')).toHaveLength(16);
  });
});

describe('--output', () => {
  test('writes a new file that only its owner can read, under another name until it is complete', async () => {
    await insertAda();
    const file = join(directory, 'people.jsonl');
    const written = await run('users', '--with-password-hashes', '--output', file);
    expect(written).toMatchObject({ code: 0, stdout: `Wrote 1 user to ${file}.\n` });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(ada);
    expect(await readdir(directory)).toEqual(['people.jsonl']);
  });

  test('never replaces a file', async () => {
    const file = join(directory, 'people.jsonl');
    await writeFile(file, 'kept');
    await chmod(file, 0o644);
    for (const what of ['users', 'access']) {
      const refused = await run(what, '--output', file);
      expect(refused).toMatchObject({ code: 2, stdout: '' });
      expect(refused.stderr).toContain(`${file} exists already`);
    }
    expect(await readFile(file, 'utf8')).toBe('kept');
    expect(await readdir(directory)).toEqual(['people.jsonl']);
  });

  test('in a missing directory is wrong usage', async () => {
    const refused = await run('users', '--output', join(directory, 'missing', 'people.jsonl'));
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('cannot be created');
  });

  test('is not disturbed by the part of an export that was killed', async () => {
    await insertUsers(1);
    await writeFile(join(directory, '.people.jsonl.0123456789ab.part'), 'killed');
    const file = join(directory, 'people.jsonl');
    expect(await run('users', '--output', file)).toMatchObject({ code: 0 });
    expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(1);
  });

  test('a write that fails names the file and the cause, and leaves no file', async () => {
    await insertUsers(200, { text: 'x'.repeat(500) });
    const file = join(directory, 'people.jsonl');
    const { code, stderr } = await runInShell(
      'bash',
      `ulimit -f 1; gatehouse export users --output ${file}`,
      { environment },
    );
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: `${file} cannot be written: the system limits the size of files. No file was left.\n`,
    });
    expect(await readdir(directory)).toEqual([]);
  });

  test('leaves no file when the export fails', async () => {
    await insertUsers(1);
    await database.query('alter table user_permissions rename to hidden');
    const failed = await run('users', '--output', join(directory, 'people.jsonl'));
    await database.query('alter table hidden rename to user_permissions');
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(await readdir(directory)).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('leaves no file after %s', async (signal) => {
    await insertUsers(1500);
    const holder = new Client(database.url);
    await holder.connect();
    await holder.query('begin; lock table user_groups');
    const file = join(directory, 'people.jsonl');
    const command = await startCommand(['export', 'users', '--output', file], { environment });
    await vi.waitFor(async () => expect(await readdir(directory)).toHaveLength(1), 10_000);
    const [part = ''] = await readdir(directory);
    expect((await stat(join(directory, part))).mode & 0o777).toBe(0o600);
    expect(await command.end(signal)).toMatchObject({ signal });
    expect(await readdir(directory)).toEqual([]);
    await holder.end();
  });
});

const terminal = findTerminal();

describe('standard output', () => {
  test.runIf(terminal)('hashes are not printed at a terminal', async () => {
    if (!terminal) throw new Error('no terminal');
    const args = ['export', 'users', '--with-password-hashes'];
    const refused = await runAtTerminal(terminal, args, { environment, typed: [] });
    expect(refused.code).toBe(2);
    expect(refused.stdout).toContain('not printed at a terminal');
  });

  test('a reader that closes the pipe ends the export without an error', async () => {
    await insertUsers(3000, { text: 'x'.repeat(500) });
    const script = 'set -o pipefail; gatehouse export users | head -1';
    const { code, stdout, stderr } = await runInShell('bash', script, { environment });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim().split('\n')).toHaveLength(1);
    const [row] = await database.query<{ count: string }>(
      "select count(*) from audit_entries where action = 'users-exported'",
    );
    expect(Number(row?.count)).toBeGreaterThan(0);
  });

  test('70 MiB of accounts need hardly more memory than 2 MiB', async () => {
    // The heap is limited, because the garbage collector lets it grow while there is memory.
    const peakOf = async () => {
      const report =
        "data:text/javascript,process.on('exit',()=>process.stderr.write('peak='+process.resourceUsage().maxRSS))";
      const { code, stderr } = await spawnCommand(
        ['export', 'users', '--output', join(directory, `${Math.random()}.jsonl`)],
        {
          environment: {
            ...environment,
            NODE_OPTIONS: `--max-old-space-size=48 --import "${report}"`,
          },
        },
      );
      expect(code).toBe(0);
      return Number(/peak=(\d+)/.exec(stderr)?.[1]) / 1024;
    };
    await insertUsers(500, { text: 'x'.repeat(4500) });
    const smallMiB = await peakOf();
    await database.query('delete from users');
    await insertUsers(15_000, { text: 'x'.repeat(4500) });
    const startedAt = performance.now();
    const largeMiB = await peakOf();
    expect(performance.now() - startedAt).toBeLessThan(25_000);
    expect(largeMiB - smallMiB).toBeLessThan(64); // the file has 70 MiB
    const files = await readdir(directory);
    const sizes = await Promise.all(
      files.map(async (name) => (await stat(join(directory, name))).size),
    );
    expect(Math.max(...sizes)).toBeGreaterThan(60 * 1024 * 1024);
  });
});

describe('export access', () => {
  test('a fresh database gets the same permissions and groups by apply', async () => {
    await database.query(
      `insert into permissions (id, codename, name) values
         (gen_random_uuid(), 'shop.*', 'Everything: in the "shop"'), (gen_random_uuid(), 'yes', 'true')`,
    );
    for (const [name, description] of [
      ['Editors', 'Write; # and edit'],
      ['123', ''],
      ['no', '- a list?'],
      ['__proto__', 'Ünïcode: [1, 2]'],
    ]) {
      await database.query(
        'insert into groups (id, name, description) values (gen_random_uuid(), $1, $2)',
        [name, description],
      );
    }
    await database.query(
      `insert into group_permissions select g.id, p.id from groups g, permissions p
       where g.name in ('Editors', '__proto__') and p.codename in ('shop.*', 'yes', 'users.view_user')`,
    );
    const file = join(directory, 'access.yaml');
    expect(await run('access', '--output', file)).toMatchObject({
      code: 0,
      stdout: `Wrote 2 permissions and 4 groups to ${file}.\n`,
    });
    const manifest = await readFile(file, 'utf8');
    expect((await run('access')).stdout).toBe(manifest);
    expect(manifest).not.toMatch(/Root/);
    const fresh = await createTestDatabase();
    const there = { environment: environmentOf(fresh) };
    expect(await runCommand(['apply', '-f', file], there)).toMatchObject({ code: 0, stderr: '' });
    expect((await runCommand(['export', 'access'], there)).stdout).toBe(manifest);
    expect((await runCommand(['apply', '-f', file], there)).stdout).toBe('Nothing to do.\n');
    await fresh.drop();
  });

  test('an empty database gives a manifest that apply reads', async () => {
    const file = join(directory, 'access.yaml');
    await run('access', '--output', file);
    const applied = await runCommand(['apply', '-f', file], { environment });
    expect(applied).toMatchObject({ code: 0, stdout: 'Nothing to do.\n' });
  });
});
