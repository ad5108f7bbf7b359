/** Service accounts and API keys on the command line. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf, type Variables } from '../support/command.ts';
import { type CommandResult, runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';

let database: TestDatabase;
let mail: MailServer;
let environment: Variables;
beforeAll(async () => {
  [database, mail] = await Promise.all([createTestDatabase(), startMailServer()]);
  environment = environmentOf(database, mail);
});
afterAll(async () => {
  await mail.close();
  await database.drop();
});

const run = (...args: readonly string[]): Promise<CommandResult> =>
  runCommand(args, { environment });

/** Runs a command that has to succeed, and returns its JSON. */
async function runJson(...args: readonly string[]) {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
}

test('a service account is created, changed, disabled, enabled and deleted', async () => {
  await run('groups', 'create', 'Robots');
  const made = await runJson(
    ...['service-accounts', 'create', 'deploy', '--description', 'Deploys'],
    ...['--groups', ' Robots,Robots,', '--permissions', 'users.view_user, users.view_group'],
  );
  expect(made).toMatchObject({
    name: 'deploy',
    description: 'Deploys',
    isActive: true,
    groups: ['Robots'],
    permissions: ['users.view_group', 'users.view_user'],
    clientId: expect.stringMatching(/^sa_[0-9a-f]{32}$/),
  });
  expect(await runJson('service-accounts', 'list')).toEqual([made]);
  const changed = await runJson('service-accounts', 'update', 'deploy', '--permissions', '');
  expect(changed).toMatchObject({ permissions: [], groups: ['Robots'], description: 'Deploys' });
  expect((await runJson('service-accounts', 'disable', made.clientId, '--yes')).isActive).toBe(
    false,
  );
  expect((await runJson('service-accounts', 'enable', made.id)).isActive).toBe(true);
  expect(await run('service-accounts', 'update', 'deploy')).toMatchObject({ code: 2 });
  expect(await run('service-accounts', 'disable', 'deploy')).toMatchObject({ code: 2 });
  expect(await run('service-accounts', 'delete', 'deploy')).toMatchObject({ code: 2 });
  expect(await runJson('service-accounts', 'delete', 'deploy', '--yes')).toEqual({ id: made.id });
  const again = await run('service-accounts', 'delete', 'deploy', '--yes');
  expect(again).toMatchObject({ code: 1, stdout: '' });
  expect(again.stderr).toContain('There is no such service account.');
});

test('a name of several service accounts is refused with their ids', async () => {
  const one = await runJson('service-accounts', 'create', 'twin');
  const two = await runJson('service-accounts', 'create', 'twin');
  const { code, stderr } = await run('service-accounts', 'disable', 'twin', '--yes');
  expect(code).toBe(1);
  expect(stderr).toContain(one.id);
  expect(stderr).toContain(two.id);
});

test('a key is printed once, listed without its secret, and revoked', async () => {
  await runJson('service-accounts', 'create', 'ci', '--permissions', 'users.view_user');
  const { code, stdout, stderr } = await run(
    'api-keys',
    'create',
    'one',
    '--service-account',
    'ci',
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^gk_[0-9A-Za-z]{49}\n$/);
  const limited = await runJson(
    ...['api-keys', 'create', 'two', '--service-account', 'ci'],
    ...['--expires', '2098-01-01T00:00:00Z', '--permissions', ' users.view_user, '],
  );
  expect(limited).toMatchObject({
    name: 'two',
    permissions: ['users.view_user'],
    expiresAt: '2098-01-01T00:00:00.000Z',
    lastUsedAt: null,
    secret: expect.stringMatching(/^gk_/),
  });
  const listed = await run('api-keys', 'list', '--service-account', 'ci', '--json');
  expect(JSON.parse(listed.stdout).map(({ name }: { name: string }) => name)).toEqual([
    'two',
    'one',
  ]);
  expect(listed.stdout).not.toContain(stdout.trim());
  expect(await runJson('api-keys', 'revoke', limited.id)).toEqual({ id: limited.id });
  expect(await run('api-keys', 'revoke', limited.id)).toMatchObject({ code: 1, stdout: '' });
});

test('wrong input is refused with its reason', async () => {
  await runJson('service-accounts', 'create', 'poor');
  const refused: readonly (readonly [number, string, ...string[]])[] = [
    [2, '--user or --service-account', 'api-keys', 'list'],
    [2, 'service-account', 'api-keys', 'create', 'x'],
    [1, 'expires', 'api-keys', 'create', 'x', '--service-account', 'poor', '--expires', 'soon'],
    [1, '', 'api-keys', 'create', 'x', '--service-account', 'poor', '--permissions', 'a.b'],
    [1, 'permissions', 'api-keys', 'create', 'x', '--service-account', 'poor', '--permissions', ''],
    [
      1,
      'permissions',
      'api-keys',
      'create',
      'x',
      '--service-account',
      'poor',
      '--permissions',
      ',',
    ],
    [1, 'expires', 'api-keys', 'create', 'x', '--service-account', 'poor', '--expires', ''],
    [1, '', 'api-keys', 'create', 'x', '--service-account', ''],
    [2, 'expires-at', 'api-keys', 'create', 'x', '--service-account', 'poor', '--expires-at', 'x'],
    [1, 'no such service account', 'api-keys', 'list', '--service-account', 'nobody'],
    [1, '', 'service-accounts', 'create', 'x', '--groups', 'Root'],
  ];
  for (const [code, reason, ...args] of refused) {
    const result = await run(...args);
    expect([args, result.code, result.stdout]).toEqual([args, code, '']);
    expect(result.stderr).toContain(reason);
  }
});
