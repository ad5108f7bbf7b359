/** Usage of commands, and messages for wrong usage. No test here reaches a database. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { spawnCommand } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';

/** A command that connects to this database fails with exit 1. */
const environment = {
  SECRET_KEY: 'test-only-key-0123456789-abcdefghijklmnop',
  DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/nowhere',
};

describe.concurrent('wrong usage is exit 2 with the reason on stderr and nothing on stdout', () => {
  const noInput = ['createuser', '--noinput', '--password-stdin', '--email', 'ada@example.com'];
  test.each<[string, readonly string[], RegExp]>([
    ['no command', [], /command to run/],
    ['a command that does not exist', ['creatuser'], /createuser/],
    ['an option without its value', ['createuser', '--email'], /email/],
    ['an argument left out', ['users', 'show'], /^An argument is missing\.\n/],
    [
      'no file of an import',
      ['import', 'users'],
      /^An argument .*\nSee gatehouse import users --help/,
    ],
    [
      'a misspelled option',
      ['import', 'users', 'x', '--dryrun'],
      /--dryrun\n.* import users --help/,
    ],
    ['standard input as the file', ['import', 'users', '-'], /standard input.* to a file first/],
    [
      'a format that does not exist',
      ['import', 'users', 'x', '--format', 'yaml'],
      /jsonl.*firebase/s,
    ],
    ['an option given twice', [...noInput, '--email', 'bob@example.com'], /email/],
    ['no prompts and no address', ['createuser', '--noinput', '--password-stdin'], /--email/],
    ['no prompts and no password', noInput.toSpliced(2, 1), /--password-stdin/],
    ['an internal option of the parser', ['users', 'list', '--terminal', 'x'], /--terminal/],
  ])('%s', async (_, args, reason) => {
    const { code, stdout, stderr } = await runCommand(args, { environment, input: 'a password' });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(reason);
    expect(stderr).toContain('--help');
  });
});

describe.concurrent('a password in the arguments is refused and not repeated', () => {
  const password = 'hunter2-in-the-open';
  test.each([
    ['as an option', ['createsuperuser', '--password', password]],
    ['as a word after --password-stdin', ['createsuperuser', '--password-stdin', password]],
  ])('%s', async (_, args) => {
    const { code, stdout, stderr } = await runCommand(args, { environment });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).not.toBe('');
    expect(stderr).not.toContain(password);
  });
});

test.concurrent('help names every command', async () => {
  const { code, stdout, stderr } = await runCommand(['--help'], { environment });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const names =
    'serve migrate createuser createstaffuser createsuperuser activateuser initdefaultadmin';
  for (const name of names.split(' ')) expect(stdout).toContain(`gatehouse ${name} `);
});

test.concurrent('help of a command names its options, none of which takes a password', async () => {
  const { code, stdout } = await runCommand(['createuser', '--help'], { environment });
  expect(code).toBe(0);
  const options = new Set(stdout.match(/--[a-z-]+/g));
  expect([...options].sort()).toEqual([
    '--active',
    '--email',
    '--external-id',
    '--first-name',
    '--help',
    '--json',
    '--last-name',
    '--metadata',
    '--noinput',
    '--password-stdin',
    '--username',
    '--version',
  ]);
});

test.concurrent('--version is the version of the package', async () => {
  const { version } = JSON.parse(await readFile('package.json', 'utf8'));
  const result = await runCommand(['--version'], { environment });
  expect(result).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test.concurrent.each([
  'api-keys',
  'audit',
  'export',
  'groups',
  'keys',
  'mail',
  'permissions',
  'rate-limits',
  'registrations',
  'service-accounts',
  'sessions',
  'users',
])('%s alone prints the help of its commands, on stdout and with exit 0', async (group) => {
  const [alone, help] = await Promise.all([
    runCommand([group], { environment }),
    runCommand([group, '--help'], { environment }),
  ]);
  expect(alone).toEqual({ code: 0, stdout: help.stdout, stderr: '' });
  expect(alone.stdout.match(new RegExp(`gatehouse ${group} \\S`, 'g'))?.length).toBeGreaterThan(1);
});

test.concurrent('an unknown command of a group is wrong usage, with a suggestion', async () => {
  const result = await runCommand(['users', 'lst'], { environment });
  expect(result).toMatchObject({ code: 2, stdout: '' });
  expect(result.stderr).toContain('list');
});

/** The other tests of this file run in the process of the test. */
test.concurrent('a separate process has exit code 0, 1 or 2, each with its stream', async () => {
  const [help, unreachable, wrong] = await Promise.all([
    spawnCommand(['--help'], { environment }),
    spawnCommand(['users', 'list'], { environment }),
    spawnCommand(['creatuser'], { environment }),
  ]);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('gatehouse createuser ');
  expect(unreachable).toMatchObject({ code: 1, stdout: '' });
  expect(unreachable.stderr).toMatch(/^The database cannot be reached/);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toContain('createuser');
});

test.concurrent('an unavailable database is exit 1, and its password is not repeated', async () => {
  const { code, stdout, stderr } = await runCommand(['migrate'], {
    environment: { ...environment, DATABASE_URL: 'postgresql://me:pa55word@127.0.0.1:1/x' },
  });
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).not.toBe('');
  expect(stderr).not.toContain('pa55word');
});

test.concurrent('a missing socket of PostgreSQL is an unavailable database', async () => {
  const result = await runCommand(['users', 'list'], {
    environment: { ...environment, DATABASE_URL: 'postgresql://me@localhost/x?host=/nosuch' },
  });
  expect(result).toMatchObject({ code: 1, stdout: '' });
  expect(result.stderr).toMatch(/^The database cannot be reached[\s\S]*\.s\.PGSQL/);
});

describe.concurrent('commands of operators, wrongly used: exit 2', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['neither a permission nor a group', ['users', 'grant', 'a@example.com'], /--permission/],
    [
      'an end that is not a time',
      ['users', 'grant', 'a', '--group', 'G', '--until', 'tomorrow'],
      /--until/,
    ],
    ['an invalid limit', ['users', 'list', '--limit', 'all'], /--limit/],
    ['an invalid limit of entries', ['audit', 'tail', '--limit', 'all'], /--limit/],
    ['an invalid limit of buckets', ['rate-limits', 'show', '--limit', '0'], /--limit/],
    ['deletion without a terminal', ['groups', 'delete', 'G'], /--yes/],
    ['deletion without a terminal', ['permissions', 'delete', 'p'], /--yes/],
    ['disabling without a terminal', ['users', 'disable', 'a'], /--yes/],
    ['a password in the arguments', ['users', 'set-password', 'a', 'secret'], /too many/],
  ])('%s', async (_, args, reason) => {
    const { code, stdout, stderr } = await runCommand(args, { environment });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(reason);
  });
});
