/** Making and activating accounts on the command line while no server runs. */
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { environmentOf, spawnCommand, type Variables } from '../support/command.ts';
import { type CommandResult, runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { factOf, type MailServer, startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';

// Several processes in a row, and others beside them.
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

const verification = 'Confirm your email address';
const rights = 'Security notice: administrator rights';

/** Subjects of the mails for an address, when nothing is left to be sent to anybody. */
async function subjectsTo(email: string): Promise<string[]> {
  while ((await database.query('select 1 from graphile_worker.jobs')).length > 0) await sleep(50);
  return mail.mails.filter(({ to }) => to === email).map(({ subject }) => subject);
}

const done = { code: 0, stderr: '' };

describe.concurrent('done', () => {
  test('createuser makes a pending user, and activateuser takes the mailed code once', async () => {
    const email = newAddress();
    const options = ['--username', email.split('@')[0] ?? '', '--first-name', 'Ada'];
    const made = await create('createuser', email, { options });
    expect(made).toMatchObject(done);
    expect(made.stdout).toContain(email);
    expect(made.stdout).toContain('activateuser');
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

  test('createstaffuser makes a pending staff user, and activateuser asks for the code', async () => {
    const email = newAddress();
    const made = await create('createstaffuser', email, { options: ['--json'] });
    expect(made).toMatchObject(done);
    const flags = { status: 'PENDING', isStaff: true, isSuperuser: false };
    expect(JSON.parse(made.stdout)).toEqual({
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

  test('with --active a user is active at once and no code is mailed', async () => {
    const email = newAddress();
    const made = await create('createuser', email, { options: ['--active', '--json'] });
    expect(made).toMatchObject(done);
    expect(JSON.parse(made.stdout)).toMatchObject({ email, status: 'ACTIVE', isStaff: false });
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE', is_staff: false, hashes: 1 }]);
    expect(await subjectsTo(email)).toEqual([]);
  });

  test('with --active a staff user is told of the rights and gets no code', async () => {
    const email = newAddress();
    const made = await create('createstaffuser', email, { options: ['--active'] });
    expect(made).toMatchObject(done);
    expect(made.stdout).toContain(email);
    expect(made.stdout).not.toContain('activateuser');
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE', is_staff: true }]);
    expect(await subjectsTo(email)).toEqual([rights]);
  });

  test('createsuperuser makes an active one in Root, who is told of the rights', async () => {
    const email = newAddress();
    const made = await create('createsuperuser', email);
    expect(made).toMatchObject(done);
    expect(made.stdout).toContain(email);
    const flags = { is_staff: true, is_superuser: true };
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE', ...flags, groups: ['Root'] }]);
    expect(await subjectsTo(email)).toEqual([rights]);
  });

  test('a mail server that hangs neither undoes what was done nor holds it up for long', async () => {
    const hanging = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write('220 mail.test\r\n'); // and not a word more
    });
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    const { port } = hanging.address() as AddressInfo; // listens on TCP
    const lonely = await createTestDatabase(); // nobody else sends its mails
    const made = await spawnCommand(
      ['createsuperuser', '--noinput', '--password-stdin', '--email', newAddress(), '--json'],
      {
        environment: environmentOf(lonely, { ...mail, port }),
        input: goodPassword,
        limitMilliseconds: 20_000,
      },
    );
    const users = await lonely.query('select status from users');
    hanging.close();
    await lonely.drop();
    expect(users).toEqual([{ status: 'ACTIVE' }]);
    expect(made).toMatchObject({ code: 0, signal: null });
    expect(JSON.parse(made.stdout)).toMatchObject({ status: 'ACTIVE' });
  });
});

describe.concurrent('refused', () => {
  test('of three calls for one person one is done, the others say what is taken', async () => {
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

  test('every bad field is named at once, as its option is called, and no password repeated', async () => {
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
  test('a wrong code, though it begins like an option', async () => {
    const args = ['activateuser', '--code', '-bCdEfGhIjKlMnOpQrStUv'];
    const refused = await runCommand(args, { environment });
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(/^INVALID_CODE: /);
  });
});
