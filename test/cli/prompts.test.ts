/** Questions of the create commands, at a real terminal and through a pipe. */
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

  test('an option replaces its question, and every answer except the address can be blank', async () => {
    const email = newAddress();
    const input = ['', email, '', goodPassword, goodPassword].join('\r\n');
    const args = ['createuser', '--last-name', 'Lovelace', '--json'];
    const created = await runCommand(args, { environment, input });
    expect(created).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(created.stdout)).toMatchObject({ email, username: null, status: 'PENDING' });
    const names = { username: null, first_name: '', last_name: 'Lovelace' };
    expect(await usersOf(email)).toMatchObject([names]);
  });

  test('a different second password is wrong usage', async () => {
    const email = newAddress();
    const input = linesFor(email, 'another battery staple');
    const refused = await runCommand(['createuser', '--json'], { environment, input });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(/passwords/);
    expect(refused.stderr).not.toMatch(/battery/);
    expect(await usersOf(email)).toEqual([]);
  });

  test('the command ends although its standard input stays open', async () => {
    const email = newAddress();
    const limit = { limitMilliseconds: 30_000 };
    const command = await startCommand(['createsuperuser'], { environment, ...limit });
    command.write(linesFor(email));
    const created = await command.ended;
    const names = { username: usernameOf(email), first_name: 'Ada', last_name: 'Lovelace' };
    expect(await usersOf(email)).toMatchObject([{ ...names, is_superuser: true }]);
    expect(created).toMatchObject({ code: 0, signal: null });
    expect(created.stdout).not.toContain(goodPassword);
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
    { when: /Username \(optional\):/, type: usernameOf(email) },
    { when: /Email address:/, type: email },
    { when: /First name \(optional\):/, type: 'Ada' },
    { when: /Last name \(optional\):/, type: 'Lovelace' },
    { when: /Password:/, type: goodPassword },
    { when: /Password \(again\):/, type: goodPassword },
  ];

  test('each question appears, and passwords are shown as stars', async () => {
    const email = newAddress();
    const created = await atTerminal(['createuser'], { environment, typed: answers(email) });
    expect(created.code).toBe(0);
    expect(created.stdout).toContain(`User ${email} created`);
    expect(created.stdout).toContain('*'.repeat(goodPassword.length));
    for (const word of goodPassword.split(' ')) expect(created.stdout).not.toContain(word);
    const names = { username: usernameOf(email), first_name: 'Ada', last_name: 'Lovelace' };
    expect(await usersOf(email)).toMatchObject([{ ...names, status: 'PENDING' }]);

    const typed = [{ when: /Code:/, type: factOf((await mail.waitFor(email))[0], 'Code') }];
    expect(await atTerminal(['activateuser'], { environment, typed })).toMatchObject({ code: 0 });
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE' }]);
  });

  test('the questions are at the terminal, and the JSON is in a file', async () => {
    const email = newAddress();
    const directory = makeScratchDirectory('cli');
    try {
      const created = await atTerminal(['createsuperuser', '--json'], {
        environment,
        typed: answers(email),
        directory,
        redirection: '>created.json',
        limitMilliseconds: 30_000,
      });
      expect(created.code).toBe(0);
      const written = await readFile(join(directory, 'created.json'), 'utf8');
      expect(JSON.parse(written)).toMatchObject({ email, status: 'ACTIVE' });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('each answer is validated immediately, and the question repeated with the reason', async () => {
    const [taken, email] = [newAddress(), newAddress()];
    const prior = await runCommand(
      ['createuser', '--active', '--noinput', '--password-stdin', '--email', taken],
      { environment, input: goodPassword },
    );
    expect(prior.code).toBe(0);
    const again = (wrong: string, answer: string) => `${'\b'.repeat(wrong.length)}${answer}`;
    const typed: Typed[] = [
      { when: /Username/, type: 'no spaces' },
      { when: /Use letters, digits/, type: again('no spaces', usernameOf(email)) },
      { when: /Email address:/, type: 'nowhere' },
      { when: /> Must be/, type: again('nowhere', taken) },
      { when: /Is taken/, type: again(taken, email) },
      { when: /First name/, type: '' },
      { when: /Last name/, type: '' },
      { when: /Password:/, type: 'short' },
      { when: /at least|shorter|characters/i, type: again('short', goodPassword) },
      { when: /Password \(again\):/, type: 'another password' },
      { when: /not equal[\s\S]*Password:/, type: goodPassword },
      { when: /not equal[\s\S]*Password \(again\):/, type: goodPassword },
    ];
    const created = await atTerminal(['createuser', '--active'], { environment, typed });
    expect(created.code).toBe(0);
    expect(await usersOf(email)).toMatchObject([{ username: usernameOf(email), status: 'ACTIVE' }]);
  });

  test('after a wrong code the question is repeated', async () => {
    const email = newAddress();
    await atTerminal(['createuser'], { environment, typed: answers(email) });
    const code = factOf((await mail.waitFor(email))[0], 'Code');
    const typed = [
      { when: /Code:/, type: 'wrong' },
      { when: /wrong[\s\S]*code[\s\S]*Code:/i, type: code },
    ];
    expect(await atTerminal(['activateuser'], { environment, typed })).toMatchObject({ code: 0 });
    expect(await usersOf(email)).toMatchObject([{ status: 'ACTIVE' }]);
  });

  test('Ctrl-C at a question is exit 130, and nothing was done', async () => {
    const email = newAddress();
    const typed = [...answers(email).slice(0, 4), { when: /Password:/, type: '\x03' }];
    const left = await atTerminal(['createuser'], { environment, typed });
    expect(left.code).toBe(130);
    expect(left.stdout).toContain('nothing was done');
    expect(await usersOf(email)).toEqual([]);
  });

  test('an erasure asks first: the question names the account and says that it is final', async () => {
    const email = newAddress();
    await runCommand(
      [
        'createuser',
        '--active',
        '--noinput',
        '--password-stdin',
        '--email',
        email,
        '--username',
        'to.erase',
      ],
      { environment, input: 'correct horse battery staple' },
    );
    const answer = async (type: string) => {
      const { code, stdout } = await atTerminal(['users', 'erase', 'to.erase'], {
        environment,
        typed: [{ when: /all personal data\?/, type }],
      });
      // The terminal wraps the question.
      expect(stdout.replaceAll('\r\n', '')).toContain(
        `Erase ${email} with all personal data? This cannot be undone.`,
      );
      return { code, left: (await usersOf(email)).length };
    };
    expect(await answer('')).toEqual({ code: 1, left: 1 });
    expect(await answer('y')).toEqual({ code: 0, left: 0 });
  });

  test('deletion asks first: no changes nothing, yes deletes, Ctrl-C is exit 130', async () => {
    const name = `Group ${newAddress()}`;
    await runCommand(['groups', 'create', name], { environment });
    const groups = () => database.query('select 1 from groups where name = $1', [name]);
    const answer = async (type: string) => {
      const typed = [{ when: /Delete the group .*\?/, type }];
      const { code } = await atTerminal(['groups', 'delete', name], { environment, typed });
      return { code, left: (await groups()).length };
    };
    expect(await answer('n')).toEqual({ code: 1, left: 1 });
    expect(await answer('')).toEqual({ code: 1, left: 1 });
    expect(await answer('\x03')).toEqual({ code: 130, left: 1 });
    expect(await answer('y')).toEqual({ code: 0, left: 0 });
  });
});
