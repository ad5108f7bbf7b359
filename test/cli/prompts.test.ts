/** Questions of the create commands: at a real terminal, and answered through a pipe. */
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  environmentOf,
  findTerminal,
  runAtTerminal,
  startCommand,
  type TerminalOptions,
  type Typed,
  type Variables,
} from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { factOf, type MailServer, startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

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

  test('what the options say is not asked, and all but the address may be left blank', async () => {
    const email = newAddress();
    const input = ['', email, '', goodPassword, goodPassword].join('\r\n');
    const args = ['createuser', '--last-name', 'Lovelace', '--json'];
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

  test('the command ends when it is done, though its standard input stays open', async () => {
    const email = newAddress();
    const limit = { limitMilliseconds: 10_000 };
    const command = await startCommand(['createsuperuser'], { environment, ...limit });
    command.write(linesFor(email));
    const made = await command.ended;
    const names = { username: usernameOf(email), first_name: 'Ada', last_name: 'Lovelace' };
    expect(await usersOf(email)).toMatchObject([{ ...names, is_superuser: true }]);
    expect(made).toMatchObject({ code: 0, signal: null });
    expect(made.stdout).not.toContain(goodPassword);
  });
});

const terminal = findTerminal();
if (!terminal) console.warn('skipped: neither script (util-linux) nor python3 gives a terminal');

describe.runIf(terminal)('at a terminal', { concurrent: true }, () => {
  const atTerminal = (args: readonly string[], options: TerminalOptions) => {
    if (!terminal) throw new Error('no terminal');
    return runAtTerminal(terminal, args, options);
  };

  const answers = (email: string): Typed[] => [
    { when: /Username:/, type: usernameOf(email) },
    { when: /Email address:/, type: email },
    { when: /First name:/, type: 'Ada' },
    { when: /Last name:/, type: 'Lovelace' },
    { when: /Password:/, type: goodPassword },
    { when: /Password \(again\):/, type: goodPassword },
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

  test('the questions stand on the terminal while the JSON goes to a file', async () => {
    const email = newAddress();
    const directory = makeScratchDirectory('cli');
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
