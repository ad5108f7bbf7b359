/** Administration of users, groups and permissions on the command line. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { environmentOf, type Variables } from '../support/command.ts';
import { type CommandResult, runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
import { newAddress } from '../support/people.ts';

let database: TestDatabase;
let mail: MailServer;
let environment: Variables;
beforeAll(async () => {
  [database, mail] = await Promise.all([createTestDatabase(), startMailServer()]);
  environment = environmentOf(database, mail);
  await addUser({ email: 'root@example.com', isSuperuser: true });
});
afterAll(async () => {
  await mail.close();
  await database.drop();
});

const run = (args: readonly string[], input = ''): Promise<CommandResult> =>
  runCommand(args, { environment, input });

/** Runs a command that has to succeed, and returns its JSON. */
async function runJson(args: readonly string[]) {
  const { code, stdout, stderr } = await run([...args, '--json']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

interface Row {
  readonly email: string;
  readonly username?: string;
  readonly firstName?: string;
  readonly isSuperuser?: boolean;
}

/** An active account with a session. */
async function addUser(row: Row): Promise<string> {
  const { email, username = null, firstName = '', isSuperuser = false } = row;
  const id = randomUUID();
  await database.query(
    `insert into users (id, email, username, first_name, last_name, status, is_staff, is_superuser, created_at, updated_at)
     values ($1, $2, $3, $4, '', 'ACTIVE', $5, $5, now(), now())`,
    [id, email, username, firstName, isSuperuser],
  );
  await database.query(
    `insert into sessions (id, user_id, refresh_counter, created_at, last_used_at, expires_at, ip_address, user_agent)
     values (gen_random_uuid(), $1, 0, now(), now(), now() + interval '1 day', '192.0.2.1', 'a browser')`,
    [id],
  );
  return id;
}

const liveSessionsOf = (id: string) =>
  database.query('select 1 from sessions where user_id = $1 and ended_at is null', [id]);

describe.concurrent('users', () => {
  test('are listed by search and status as a table, as CSV and as JSON', async () => {
    const tag = `tag${randomUUID().slice(0, 8)}`;
    await addUser({ email: `${tag}-a@example.com`, firstName: '=1+1, "x"' });
    await addUser({ email: `${tag}-b@example.com` });
    const list = ['users', 'list', '--search', tag.toUpperCase(), '--no-staff'];
    const [table, csv, json] = await Promise.all([
      run([...list, '--limit', '1']),
      run([...list, '--format', 'csv']),
      runJson([...list, '--status', 'ACTIVE']),
    ]);
    expect(table.stdout).toMatch(/^EMAIL +USERNAME/);
    expect(table.stdout.trimEnd().split('\n')).toHaveLength(2);
    expect(table.stdout).not.toContain('\u001b');
    expect(csv.stdout).toMatch(/^id,email,username,firstName,/);
    // A spreadsheet must not execute a name as a formula.
    expect(csv.stdout).toContain(`${tag}-a@example.com,,"'=1+1, ""x""",`);
    expect(json.map(({ email }: Row) => email).sort()).toEqual([
      `${tag}-a@example.com`,
      `${tag}-b@example.com`,
    ]);
  });

  test('a membership is granted until a time, explained, shown and revoked', async () => {
    const email = newAddress();
    const id = await addUser({ email, username: 'Grace' });
    const group = `Group ${id}`;
    await runJson([
      'groups',
      'create',
      group,
      '--permissions',
      ' users.view_user,, users.view_group,',
    ]);
    const until = '2100-01-31T18:00:00Z';
    const grantTarget = ['--group', group, '--until', until, '--permission', 'users.view_group'];
    const past = ['--group', group, '--until', '2020-01-01T00:00:00Z'];
    expect(await run(['users', 'grant', 'grace', ...past])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Must be in the future.'),
    });
    await runJson(['users', 'grant', 'grace', ...grantTarget]);

    const [shown, explained] = await Promise.all([
      runJson(['users', 'show', id]),
      runJson(['users', 'explain', email, 'users.view_group']),
    ]);
    expect(shown).toMatchObject({
      id,
      email,
      username: 'Grace',
      groups: [{ group, expiresAt: '2100-01-31T18:00:00.000Z' }],
      permissions: ['users.view_group'],
      effectivePermissions: ['users.view_group', 'users.view_user'],
      sessions: [{ ipAddress: '192.0.2.1', userAgent: 'a browser' }],
    });
    expect(explained).toEqual({
      isAllowed: true,
      paths: [
        { kind: 'DIRECT', grant: 'users.view_group', group: null },
        { kind: 'GROUP', grant: 'users.view_group', group },
      ],
      obstacles: [{ kind: 'NOT_STAFF', group: null, grant: null, endedAt: null }],
    });

    await runJson(['users', 'revoke', email, '--group', group]);
    const denied = await run(['users', 'explain', id, 'users.view_user']);
    expect(denied).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Not allowed:\n[\s\S]* no grant covers it/),
    });
    const again = await run(['users', 'revoke', email, '--group', group]);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/^NOT_FOUND: /);
  });

  test('a disabled user has no session, and neither has the user after enable', async () => {
    const email = newAddress();
    const id = await addUser({ email });
    expect(await runJson(['users', 'disable', email, '--yes'])).toEqual({
      id,
      email,
      status: 'DISABLED',
    });
    expect(await liveSessionsOf(id)).toEqual([]);
    expect(await runJson(['users', 'enable', email])).toEqual({ id, email, status: 'ACTIVE' });
    expect(await liveSessionsOf(id)).toEqual([]);
  });

  test('an erased user is gone from the database, with an entry of the operator', async () => {
    const email = newAddress();
    const id = await addUser({ email, username: 'erased.user' });
    expect(await run(['users', 'erase', email])).toMatchObject({ code: 2, stdout: '' });
    expect(await run(['users', 'erase', 'erased.user', '--yes'])).toMatchObject({
      code: 0,
      stdout: `${email} is erased.\n`,
    });
    expect(await database.query('select from users where id = $1', [id])).toEqual([]);
    expect(await liveSessionsOf(id)).toEqual([]);
    await mail.waitFor(email, 1);
    const tail = await runJson(['audit', 'tail', '--target', id, '--action', 'user-erased']);
    expect(tail).toMatchObject({ actorKind: 'operator', targetId: id });
    const again = await run(['users', 'erase', id, '--yes']);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/^NOT_FOUND: /);
  });

  test('the last active superuser is not erased', async () => {
    const refused = await run(['users', 'erase', 'root@example.com', '--yes']);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^PROTECTED: /);
  });

  test('sessions are revoked and a reset is mailed, without a password', async () => {
    const email = newAddress();
    const id = await addUser({ email });
    const done = { id, email, status: 'ACTIVE' };
    expect(await runJson(['users', 'revoke-sessions', email])).toEqual(done);
    expect(await liveSessionsOf(id)).toEqual([]);
    expect(await runJson(['users', 'send-password-reset', email])).toEqual(done);
    const [sent] = await mail.waitFor(email, 1);
    expect(sent?.text).toContain('/reset-password?uid=');
    await database.query("update users set status = 'PENDING' where id = $1", [id]);
    const refused = await run(['users', 'send-password-reset', email]);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^VALIDATION_FAILED: .*\n {2}\S+: .*resendInvitation/);
  });

  test('a new password is read from standard input, revokes the sessions and causes a notice', async () => {
    const email = newAddress();
    const id = await addUser({ email });
    const weak = await run(['users', 'set-password', email, '--password-stdin'], 'password123');
    expect(weak).toMatchObject({ code: 1, stdout: '' });
    expect(weak.stderr).toMatch(/^VALIDATION_FAILED: .*\n {2}password: /);
    expect(weak.stderr).not.toContain('password123');
    expect(await liveSessionsOf(id)).toHaveLength(1);

    const password = 'four words make sense';
    const set = await run(['users', 'set-password', email], `${password}\n${password}\n`);
    expect(set).toMatchObject({ code: 0, stderr: '' });
    expect(await liveSessionsOf(id)).toEqual([]);
    const hashes = await database.query('select 1 from password_hashes where user_id = $1', [id]);
    expect(hashes).toHaveLength(1);
    await mail.waitFor(email, 1);
  });
});

describe.concurrent('groups and permissions', () => {
  test('are created, listed, changed and deleted by name', async () => {
    const code = `shop.view_${randomUUID().slice(0, 8)}`;
    const group = `Shop ${code}`;
    const created = await runJson(['permissions', 'create', code, '--name', 'View']);
    expect(created).toMatchObject({ codename: code, name: 'View', isBuiltIn: false });
    await runJson(['groups', 'create', group, '--description', 'Sells', '--permissions', code]);
    await Promise.all([
      runJson(['permissions', 'update', code, '--name', 'See']),
      runJson(['groups', 'update', group, '--description', '']),
    ]);
    const [permissions, shown] = await Promise.all([
      run(['permissions', 'list', '--format', 'csv']),
      runJson(['groups', 'show', group]),
    ]);
    expect(permissions.stdout).toMatch(new RegExp(`^[^,]+,${code},See,false$`, 'm'));
    expect(shown).toMatchObject({ name: group, description: '', permissions: [code], members: 0 });

    await Promise.all([
      runJson(['groups', 'delete', group, '--yes']),
      runJson(['permissions', 'delete', code, '--yes']),
    ]);
    const deleted = await database.query(
      'select name from groups where name = $1 union select codename from permissions where codename = $2',
      [group, code],
    );
    expect(deleted).toEqual([]);
  });
});

describe.concurrent('refused with exit 1', () => {
  test.each<[string, readonly string[], string]>([
    ['an unknown user', ['users', 'disable', 'nobody@example.com', '-y'], 'NOT_FOUND'],
    ['the last active superuser', ['users', 'disable', 'root@example.com', '-y'], 'PROTECTED'],
    ['the Root group', ['groups', 'delete', 'Root', '-y'], 'PROTECTED'],
    [
      'a membership in Root',
      ['users', 'grant', 'root@example.com', '--group', 'Root'],
      'PROTECTED',
    ],
    ['no such permission', ['groups', 'create', 'X', '--permissions', 'nix'], 'NOT_FOUND'],
  ])('%s', async (_, args, problem) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^${problem}: `));
  });
});

describe('pending registrations', () => {
  const addRegistration = async (email: string): Promise<string> => {
    const id = randomUUID();
    await database.query(
      `insert into registrations (id, email, password_hash, first_name, last_name, code_id, digest, created_at, expires_at)
       values ($1::uuid, $2, 'a hash', 'Ada', 'Lovelace', $1::uuid, $1::uuid::text, now(), now() + interval '1 day')`,
      [id, email],
    );
    return id;
  };

  test('are listed, confirmed by address and deleted by id', async () => {
    const [first, second] = [newAddress(), newAddress()];
    const [id, other] = [await addRegistration(first), await addRegistration(second)];
    const listed = await runJson(['registrations', 'list']);
    expect(listed.find((row: { id: string }) => row.id === id)).toMatchObject({
      email: first,
      firstName: 'Ada',
      expiresAt: expect.any(String),
    });
    expect((await run(['registrations', 'list'])).stdout).toMatch(/^ID +EMAIL +FIRST NAME/);
    expect(await runJson(['registrations', 'confirm', first])).toMatchObject({
      email: first,
      status: 'ACTIVE',
    });
    expect((await runJson(['users', 'show', first])).status).toBe('ACTIVE');
    expect(await runJson(['registrations', 'delete', other, '--yes'])).toEqual({ id: other });
    const again = await run(['registrations', 'delete', other, '--yes']);
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/^NOT_FOUND: /);
  });

  test('are reported with their ids if several have one address', async () => {
    const email = newAddress();
    const ids = [await addRegistration(email), await addRegistration(email)];
    const refused = await run(['registrations', 'confirm', email]);
    expect(refused.code).toBe(1);
    for (const id of ids) expect(refused.stderr).toContain(id);
  });

  test('are mentioned by commands that look for the account', async () => {
    const email = newAddress();
    await addRegistration(email);
    const shown = await run(['users', 'show', email]);
    expect(shown).toMatchObject({ code: 1, stdout: '' });
    expect(shown.stderr).toContain('this address has a registration');
    const wrongCode = ['activateuser', '--code', 'AAAAAAAAAAAAAAAAAAAAAA'];
    for (const command of [wrongCode, ['users', 'list', '--limit', '1']]) {
      expect((await run(command)).stderr).toContain('see gatehouse registrations list');
    }
  });
});

test('an unconfirmed account is invited again, a confirmed one is not', async () => {
  const email = newAddress();
  const created = ['createuser', '--noinput', '--password-stdin', '--email', email];
  expect((await run(created, 'correct horse battery staple')).code).toBe(0);
  await mail.waitFor(email);
  expect(await runJson(['users', 'invite', email])).toMatchObject({ email, status: 'PENDING' });
  await mail.waitFor(email, 2);
  const confirmed = newAddress();
  await addUser({ email: confirmed });
  await database.query('update users set email_verified_at = now() where email = $1', [confirmed]);
  const refused = await run(['users', 'invite', confirmed]);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toContain('confirmed already');
});
