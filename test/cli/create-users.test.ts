/** Creating and activating accounts on the command line without a running server. */
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { environmentOf, spawnCommand, type Variables } from '../support/command.ts';
import { type CommandResult, runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { factOf, type MailServer, shortCodesOf, startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';

// Several processes start one after the other, while other tests run.
vi.setConfig({ testTimeout: 60_000 });

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

/** Runs a create command without questions. */
function create(
  command: string,
  email: string,
  { options = [], password = goodPassword }: { options?: string[]; password?: string } = {},
): Promise<CommandResult> {
  const args = [command, '--noinput', '--password-stdin', '--email', email, ...options];
  return runCommand(args, { environment, input: `${password}\n` });
}

const usersOf = (email: string) =>
  database.query(
    `select status, username, first_name, last_name, is_staff, is_superuser,
       array(select name from groups join user_groups on group_id = groups.id where user_id = users.id) as groups,
       (select count(*)::int from password_hashes where user_id = users.id) as hashes
     from users where email = $1`,
    [email],
  );

const verification = 'Confirm your email address for Gatehouse';
const rights = 'Security notice: administrator rights at Gatehouse';

/** Subjects of the mails for an address, after the mail queue is empty. */
async function subjectsTo(email: string): Promise<string[]> {
  while ((await database.query('select 1 from graphile_worker.jobs')).length > 0) await sleep(50);
  return mail.mails.filter(({ to }) => to === email).map(({ subject }) => subject);
}

const done = { code: 0, stderr: '' };

describe.concurrent('done', () => {
  test('createuser creates a pending user, and activateuser accepts the mailed code once', async () => {
    const email = newAddress();
    const options = ['--username', email.split('@')[0] ?? '', '--first-name', 'Ada'];
    const created = await create('createuser', email, { options });
    expect(created).toMatchObject(done);
    expect(created.stdout).toContain(email);
    expect(created.stdout).toContain('activateuser');
    const pending = { status: 'PENDING', is_staff: false, is_superuser: false, groups: [] };
    const profile = { username: options[1], first_name: 'Ada', last_name: '', hashes: 1 };
    expect(await usersOf(email)).toEqual([{ ...pending, ...profile }]);

    const code = factOf((await mail.waitFor(email))[0], 'Code');
    const activated = await runCommand(['activateuser', '--code', code], { environment });
    expect(activated).toMatchObject(done);
    expect(activated.stdout).toMatch(/active/);
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE' }]);
    expect(await subjectsTo(email)).toEqual([verification]);

    const again = await runCommand(['activateuser', '--code', code], { environment });
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toMatch(/^INVALID_CODE: /);
  });

  test('createstaffuser creates a pending staff user, and activateuser asks for the code', async () => {
    const email = newAddress();
    const created = await create('createstaffuser', email, { options: ['--json'] });
    expect(created).toMatchObject(done);
    const flags = { status: 'PENDING', isStaff: true, isSuperuser: false };
    expect(JSON.parse(created.stdout)).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      email,
      username: null,
      ...flags,
    });
    await mail.waitFor(email, 2);
    expect((await subjectsTo(email)).sort()).toEqual([verification, rights]);

    const [letter] = mail.mails.filter((one) => one.to === email && one.subject === verification);
    const input = `${factOf(letter, 'Code')}\n`;
    const activated = await runCommand(['activateuser', '--json'], { environment, input });
    expect(activated).toMatchObject(done);
    expect(JSON.parse(activated.stdout)).toMatchObject({ status: 'ACTIVE' });
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE', is_staff: true, groups: [] }]);
  });

  test('activateuser takes the short code with --email, and asks for the address of a short code', async () => {
    const [first, second] = [newAddress(), newAddress()];
    for (const email of [first, second]) {
      expect(await create('createuser', email)).toMatchObject(done);
    }
    const codeTo = async (email: string) => shortCodesOf((await mail.waitFor(email))[0])[0] ?? '';
    const args = ['activateuser', '--code', await codeTo(first)];
    const missing = await runCommand(args, { environment });
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toContain('short code');
    const wrong = await runCommand([...args, '--email', second], { environment });
    expect(wrong.stderr).toMatch(/^INVALID_CODE: /);
    expect(await runCommand([...args, '--email', first], { environment })).toMatchObject(done);
    const input = `${(await codeTo(second)).toLowerCase()}\n${second}\n`;
    expect(await runCommand(['activateuser'], { environment, input })).toMatchObject(done);
    expect(await usersOf(first)).toMatchObject([{ status: 'ACTIVE' }]);
    expect(await usersOf(second)).toMatchObject([{ status: 'ACTIVE' }]);
  });

  test('with --active a user is active immediately and no code is mailed', async () => {
    const email = newAddress();
    const created = await create('createuser', email, { options: ['--active', '--json'] });
    expect(created).toMatchObject(done);
    expect(JSON.parse(created.stdout)).toMatchObject({ email, status: 'ACTIVE', isStaff: false });
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE', is_staff: false, hashes: 1 }]);
    expect(await subjectsTo(email)).toEqual([]);
  });

  test('with --active a staff user gets a notice of the rights and no code', async () => {
    const email = newAddress();
    const created = await create('createstaffuser', email, { options: ['--active'] });
    expect(created).toMatchObject(done);
    expect(created.stdout).toContain(email);
    expect(created.stdout).not.toContain('activateuser');
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE', is_staff: true }]);
    expect(await subjectsTo(email)).toEqual([rights]);
  });

  test('createsuperuser creates an active user in Root, who gets a notice of the rights', async () => {
    const email = newAddress();
    const created = await create('createsuperuser', email);
    expect(created).toMatchObject(done);
    expect(created.stdout).toContain(email);
    const flags = { is_staff: true, is_superuser: true };
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE', ...flags, groups: ['Root'] }]);
    expect(await subjectsTo(email)).toEqual([rights]);
  });

  test('a mail server that hangs neither undoes the change nor delays the command for long', async () => {
    const hanging = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('220 mail.test\r\n'); // and nothing else
    });
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    const { port } = hanging.address() as AddressInfo; // listens on TCP
    const withoutServer = await createTestDatabase(); // no server sends its mails
    const created = await spawnCommand(
      ['createsuperuser', '--noinput', '--password-stdin', '--email', newAddress(), '--json'],
      {
        environment: environmentOf(withoutServer, { ...mail, port }),
        input: goodPassword,
        limitMilliseconds: 40_000,
      },
    );
    const users = await withoutServer.query('select status from users');
    hanging.close();
    await withoutServer.drop();
    expect(users).toEqual([{ status: 'ACTIVE' }]);
    expect(created).toMatchObject({ code: 0, signal: null });
    expect(JSON.parse(created.stdout)).toMatchObject({ status: 'ACTIVE' });
  });
});

describe.concurrent('refused', () => {
  test('of three concurrent calls for one person one succeeds, and the others name the taken fields', async () => {
    const email = newAddress();
    const username = email.split('@')[0] ?? '';
    const results = await Promise.all([
      create('createsuperuser', email, { options: ['--username', username] }),
      create('createsuperuser', email.toUpperCase(), { options: ['--username', username] }),
      create('createsuperuser', email, {
        options: ['--json', '--username', username.toUpperCase()],
      }),
    ]);
    expect(results.map(({ code }) => code).sort()).toEqual([0, 1, 1]);
    for (const { stdout, stderr } of results.filter(({ code }) => code !== 0)) {
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^ALREADY_EXISTS: .*\n {2}email: .*\n {2}username: /);
    }
    expect(await usersOf(email)).toHaveLength(1);
  });

  test('all invalid fields are named together by their options, and no password is repeated', async () => {
    const options = ['--first-name', 'https://evil.example', '--username', 'a b', '--json'];
    const password = 'password123';
    const refused = await create('createuser', 'not-an-address', { options, password });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^VALIDATION_FAILED: /);
    for (const name of ['email', 'username', 'first-name', 'password']) {
      expect(refused.stderr).toMatch(new RegExp(`^ {2}${name}: \\w`, 'm'));
    }
    expect(refused.stderr).not.toContain(password);
  });

  // One in 64 codes begins with a dash.
  test('a wrong code that begins like an option', async () => {
    const args = ['activateuser', '--code', '-bCdEfGhIjKlMnOpQrStUv'];
    const refused = await runCommand(args, { environment });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^INVALID_CODE: /);
  });
});
