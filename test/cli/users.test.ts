/** Sessions, profiles and explanations on the command line, with a running server. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../support/client.ts';
import {
  environmentOf,
  type RunningServer,
  startServer,
  type Variables,
} from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goodPassword, newAddress } from '../support/people.ts';

// A server and other processes start, while other tests run.
vi.setConfig({ testTimeout: 60_000 });

let database: TestDatabase;
let environment: Variables;
let server: RunningServer;
let client: Client;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = environmentOf(database);
  server = await startServer({
    environment: { ...environment, ALLOWED_HOSTS: '127.0.0.1' },
    limitMilliseconds: 60_000,
  });
  client = createClient(server.address);
});
afterAll(async () => {
  await server.end('SIGKILL');
  await database.drop();
});

const run = (...args: string[]) => runCommand(args, { environment });
const runJson = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};

async function addUser(email: string): Promise<string> {
  const create = ['createuser', '--active', '--noinput', '--password-stdin', '--json'];
  const created = await runCommand([...create, '--email', email], {
    environment,
    input: goodPassword,
  });
  return JSON.parse(created.stdout).id;
}

async function logIn(email: string): Promise<string> {
  const json = { email, password: goodPassword };
  return (await client.rest('POST', '/login/', { json })).body.data.access_token;
}

const statusOf = async (token: string) =>
  (await client.rest('GET', '/profile/view/', { token })).status;

describe('sessions', () => {
  test('one is revoked by its id: the server rejects it, the others stay, the audit log has an entry', async () => {
    const email = newAddress();
    await addUser(email);
    const one = await logIn(email);
    const two = await logIn(email);
    const sessions = await runJson('sessions', 'list', email);
    expect(sessions).toHaveLength(2);
    expect(Object.keys(sessions[0])).toEqual([
      'id',
      'createdAt',
      'lastUsedAt',
      'expiresAt',
      'ipAddress',
      'userAgent',
    ]);
    const [newest] = sessions;
    expect(await runJson('sessions', 'revoke', newest.id)).toEqual({ id: newest.id, email });
    await expect.poll(() => statusOf(two)).toBe(401);
    expect(await statusOf(one)).toBe(200);
    const [entry] = (
      await run('audit', 'tail', '--target', newest.id, '--action', 'revoked', '--json')
    ).stdout
      .trim()
      .split('\n');
    expect(JSON.parse(entry ?? '')).toMatchObject({ actorKind: 'operator', targetName: email });
    expect(await run('sessions', 'revoke', newest.id)).toMatchObject({ code: 1, stdout: '' });
  });

  test('all sessions of a user are revoked together, and an empty list has its titles', async () => {
    const email = newAddress();
    await addUser(email);
    const token = await logIn(email);
    expect(await run('sessions', 'revoke', '--user', email)).toMatchObject({
      code: 0,
      stdout: `All sessions of ${email} revoked.\n`,
    });
    await expect.poll(() => statusOf(token)).toBe(401);
    expect(await run('sessions', 'list', email, '--format', 'csv')).toMatchObject({
      stdout: 'id,createdAt,lastUsedAt,expiresAt,ipAddress,userAgent\n',
    });
  });

  test.each([
    [['sessions', 'revoke'], 2, '--user'],
    [['sessions', 'revoke', randomUUID(), '--user', 'a@example.com'], 2, '--user'],
    [['sessions', 'revoke', randomUUID()], 1, 'NOT_FOUND'],
    [['sessions', 'revoke', 'nonsense'], 1, 'NOT_FOUND'],
    [['sessions', 'list', 'nobody@example.com'], 1, 'NOT_FOUND'],
  ])('%j is refused', async (args, code, hint) => {
    const result = await run(...args);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).toContain(hint);
  });
});

describe('a profile', () => {
  test('is changed; omitted fields stay, and a new email address revokes the sessions', async () => {
    const [email, moved] = [newAddress(), newAddress()];
    const id = await addUser(email);
    const token = await logIn(email);
    const names = [
      '--first-name',
      'Ada',
      '--last-name',
      'Lovelace',
      '--username',
      `ada-${id.slice(-8)}`,
    ];
    expect(await runJson('users', 'update', email, ...names)).toMatchObject({ id, email });
    expect(await statusOf(token)).toBe(200);
    await runJson('users', 'update', id, '--email', moved, '--staff');
    await expect.poll(() => statusOf(token)).toBe(401);
    expect(await runJson('users', 'show', moved)).toMatchObject({
      id,
      firstName: 'Ada',
      lastName: 'Lovelace',
      username: `ada-${id.slice(-8)}`,
      isStaff: true,
    });
  });

  test('refuses taken and malformed values by the name of the option, and an empty change', async () => {
    const [one, other] = [newAddress(), newAddress()];
    await addUser(one);
    await addUser(other);
    const [taken, malformed, nothing] = await Promise.all([
      run('users', 'update', one, '--email', other),
      run('users', 'update', one, '--first-name', '<b>'),
      run('users', 'update', one),
    ]);
    expect(taken).toMatchObject({ code: 1, stdout: '' });
    expect(taken.stderr).toMatch(/^ALREADY_EXISTS: .*\n {2}email: /);
    expect(malformed.stderr).toMatch(/^VALIDATION_FAILED: .*\n {2}first-name: /);
    expect(nothing).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('explain shows obstacles', () => {
  test('no grant, an ended membership, not staff, not active, no such permission', async () => {
    const email = newAddress();
    const group = `Viewers ${email}`;
    const id = await addUser(email);
    const explain = async (permission: string) =>
      (await run('users', 'explain', email, permission)).stdout;
    const kinds = async (permission: string) =>
      (await runJson('users', 'explain', email, permission)).obstacles.map(
        ({ kind }: { kind: string }) => kind,
      );
    expect(await kinds('users.view_user')).toEqual(['NOT_STAFF', 'NO_GRANT']);
    expect(await kinds('shop.nothing')).toEqual(['NO_GRANT', 'NO_SUCH_PERMISSION']);

    await runJson('groups', 'create', group, '--permissions', 'users.view_user');
    await runJson('users', 'grant', email, '--group', group, '--until', '2100-01-01T00:00:00Z');
    expect(await explain('users.view_user')).toMatch(
      /^Held, but not usable:\n {2}granted users.view_user by group .*\n {2}is not staff/,
    );
    await database.query(
      "update user_groups set expires_at = '2020-01-31T18:00:00Z' where user_id = $1",
      [id],
    );
    expect(await explain('users.view_user')).toContain(
      `the membership in ${group}, which gives users.view_user, ended at 2020-01-31T18:00:00Z`,
    );
    await runJson('users', 'update', email, '--staff');
    await runJson('users', 'disable', email, '--yes');
    expect(await kinds('users.view_user')).toEqual(['NOT_ACTIVE', 'MEMBERSHIP_ENDED']);
  });
});
