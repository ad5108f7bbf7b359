/** Questions of the create commands: at a real terminal, and answered through a pipe. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  environmentOf,
  findTerminal,
  runAtTerminal,
  runCommand,
  startCommand,
  type TerminalOptions,
  type Typed,
  type Variables,
} from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { factOf, type MailServer, startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';

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

const usersOf = (email: string) =>
  database.query(
    'select username, first_name, last_name, status, is_superuser from users where email = $1',
    [email],
  );

const usernameOf = (email: string) => email.split('@')[0] ?? '';

describe.concurrent('through a pipe, a line for each question', () => {
  const linesFor = (email: string, again = goodPassword) =>
    `${[usernameOf(email), email, 'Ada', 'Lovelace', goodPassword, again].join('\n')}\n`;

  test('every question is answered in its order', async () => {
    const email = newAddress();
    const made = await runCommand(['createsuperuser'], { environment, input: linesFor(email) });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).not.toContain(goodPassword);
    const names = { username: usernameOf(email), first_name: 'Ada', last_name: 'Lovelace' };
    expect(await usersOf(email)).toEqual([{ ...names, status: 'ACTIVE', is_superuser: true }]);
  });

  test('what the options say is not asked, and all but the address may be left blank', async () => {
    const email = newAddress();
    const input = ['', '', goodPassword, goodPassword].join('\r\n');
    const args = ['createuser', '--email', email, '--last-name', 'Lovelace', '--json'];
    const made = await runCommand(args, { environment, input });
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(made.stdout)).toMatchObject({ email, username: null, status: 'PENDING' });
    const names = { username: null, first_name: '', last_name: 'Lovelace' };
    expect(await usersOf(email)).toMatchObject([names]);
  });

  test('a second password that is another one is wrong usage', async () => {
    const email = newAddress();
    const input = linesFor(email, 'another battery staple');
    const refused = await runCommand(['createuser', '--json'], { environment, input });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/passwords/);
    expect(refused.stderr).not.toMatch(/battery/);
    expect(await usersOf(email)).toEqual([]);
  });

  test('an input that ends too early is wrong usage, and says before which question', async () => {
    const email = newAddress();
    const input = linesFor(email).split('\n').slice(0, 5).join('\n');
    const refused = await runCommand(['createstaffuser'], { environment, input });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('Password (again)');
    expect(await usersOf(email)).toEqual([]);
  });

  test('the command ends when it is done, though its standard input stays open', async () => {
    const email = newAddress();
    const limit = { limitMilliseconds: 10_000 };
    const command = await startCommand(['createuser'], { environment, ...limit });
    command.write(linesFor(email));
    expect(await command.ended).toMatchObject({ code: 0, signal: null });
    expect(await usersOf(email)).toHaveLength(1);
  });
});

const terminal = findTerminal();
if (!terminal) console.warn('skipped: neither script (util-linux) nor python3 gives a terminal');

describe.runIf(terminal)('at a terminal', { concurrent: true }, () => {
  const atTerminal = (args: readonly string[], options: TerminalOptions) => {
    if (!terminal) throw new Error('no terminal');
    return runAtTerminal(terminal, args, options);
  };

  const answers = (email: string, again = goodPassword): Typed[] => [
    { when: /Username:/, type: usernameOf(email) },
    { when: /Email address:/, type: email },
    { when: /First name:/, type: 'Ada' },
    { when: /Last name:/, type: 'Lovelace' },
    { when: /Password:/, type: goodPassword },
    { when: /Password \(again\):/, type: again },
  ];

  test('every question is asked, and of the passwords only stars are shown', async () => {
    const email = newAddress();
    const made = await atTerminal(['createuser'], { environment, typed: answers(email) });
    expect(made.code).toBe(0);
    expect(made.stdout).toContain(`User ${email} made`);
    expect(made.stdout).toContain('*'.repeat(goodPassword.length));
    for (const word of goodPassword.split(' ')) expect(made.stdout).not.toContain(word);
    const names = { username: usernameOf(email), first_name: 'Ada', last_name: 'Lovelace' };
    expect(await usersOf(email)).toMatchObject([{ ...names, status: 'PENDING' }]);

    const typed = [{ when: /Code:/, type: factOf((await mail.waitFor(email))[0], 'Code') }];
    expect(await atTerminal(['activateuser'], { environment, typed })).toMatchObject({ code: 0 });
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE' }]);
  });

  test('a second password that is another one is wrong usage, and neither is shown', async () => {
    const email = newAddress();
    const typed = answers(email, 'another battery staple');
    const refused = await atTerminal(['createsuperuser'], { environment, typed });
    expect(refused.code).toBe(2);
    expect(refused.stdout).not.toMatch(/battery/);
    expect(await usersOf(email)).toEqual([]);
  });

  test('the questions stand on the terminal while the JSON goes to a file', async () => {
    const email = newAddress();
    const directory = await mkdtemp(join(tmpdir(), 'gatehouse-cli-'));
    try {
      const made = await atTerminal(['createsuperuser', '--json'], {
        environment,
        typed: answers(email),
        directory,
        redirection: '>made.json',
        limitMilliseconds: 8000,
      });
      expect(made.code).toBe(0);
      const written = await readFile(join(directory, 'made.json'), 'utf8');
      expect(JSON.parse(written)).toMatchObject({ email, status: 'ACTIVE' });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
