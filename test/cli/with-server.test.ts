/** The command line with a running server: both see the same accounts immediately. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../support/client.ts';
import {
  environmentOf,
  type RunningServer,
  spawnCommand,
  startServer,
  type Variables,
} from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { factOf, type MailServer, startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';

// Several processes start one after the other, while other tests run.
vi.setConfig({ testTimeout: 60_000 });

let database: TestDatabase;
let mail: MailServer;
let environment: Variables;
let server: RunningServer;
let client: Client;
beforeAll(async () => {
  [database, mail] = await Promise.all([createTestDatabase(), startMailServer()]);
  environment = environmentOf(database, mail);
  server = await startServer({ environment: { ...environment, ALLOWED_HOSTS: '127.0.0.1' } });
  client = createClient(server.address);
});
afterAll(async () => {
  await server.end('SIGKILL');
  await mail.close();
  await database.drop();
});

const logIn = (email: string, password: string) =>
  client.rest('POST', '/login/', { json: { email, password } });

/** The code of the newest mail for an address. */
async function codeFor(email: string): Promise<string> {
  return factOf((await mail.waitFor(email)).at(-1), 'Code');
}

test.concurrent('an earlier registration by an attacker neither blocks a superuser nor keeps access', async () => {
  const email = newAddress();
  const attackersPassword = 'the password of an attacker';
  await client.rest('POST', '/register/', {
    json: {
      email,
      first_name: 'Mallory',
      last_name: 'M',
      password: attackersPassword,
      password2: attackersPassword,
    },
  });
  const attackersCode = await codeFor(email);

  const created = await runCommand(
    ['createsuperuser', '--noinput', '--password-stdin', '--email', email, '--json'],
    { environment, input: goodPassword },
  );
  expect(created).toMatchObject({ code: 0, stderr: '' });
  const refused = await runCommand(['activateuser', '--code', attackersCode], { environment });
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  expect(refused.stderr).toMatch(/^INVALID_CODE: /);
  const verified = await client.rest('GET', `/register/verify?code=${attackersCode}`);
  expect(verified).toMatchObject({ status: 400, body: { data: { code: 'INVALID_CODE' } } });
  expect(await logIn(email, attackersPassword)).toMatchObject({ status: 401 });
  expect(await logIn(email, goodPassword)).toMatchObject({ status: 200 });
  const users = await database.query(
    'select status, first_name, is_superuser from users where email = $1',
    [email],
  );
  expect(users).toEqual([{ status: 'ACTIVE', first_name: '', is_superuser: true }]);
});

test.concurrent('a user that was created and activated on the command line logs in with exactly that password', async () => {
  const email = newAddress();
  const password = '  pässwörd with 🔑 and "quotes"  ';
  const created = await runCommand(
    ['createuser', '--noinput', '--password-stdin', '--email', email.toUpperCase()],
    { environment, input: `${password}\r\nnot the password\n` },
  );
  expect(created).toMatchObject({ code: 0, stderr: '' });
  expect(await logIn(email, password)).toMatchObject({
    status: 401,
    body: { data: { code: 'ACCOUNT_NOT_ACTIVE' } },
  });
  const activated = await runCommand(['activateuser', '--code', await codeFor(email)], {
    environment,
  });
  expect(activated).toMatchObject({ code: 0, stderr: '' });
  expect(await logIn(email, password)).toMatchObject({ status: 200 });
  expect(await logIn(email, password.trim())).toMatchObject({ status: 401 });
});

test.concurrent('a server with another SECRET_KEY does not start, and prints the remedy', async () => {
  const SECRET_KEY = 'another-key-0123456789-abcdefghijklmnop';
  const { code, signal, stderr } = await spawnCommand(['serve'], {
    environment: { ...environment, PORT: '0', SECRET_KEY },
    limitMilliseconds: 30_000,
  });
  expect({ code, signal }).toEqual({ code: 1, signal: null });
  expect(stderr).toMatch(/SECRET_KEY.*former/);
  expect(stderr).not.toContain(SECRET_KEY);
});
