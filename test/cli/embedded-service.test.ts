/** The service on its embedded database, without environment variables. */
import { pbkdf2Sync } from 'node:crypto';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { type Client, createClient } from '../support/client.ts';
import { type RunningServer, startServer } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { factOf, type ReceivedMail } from '../support/mail-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

// Several processes start one after the other, while other tests run.
vi.setConfig({ testTimeout: 60_000 });

/** A hash of Django for the password. */
const storedHash = `pbkdf2_sha256$1000$salt$${pbkdf2Sync(goodPassword, 'salt', 1000, 32, 'sha256').toString('base64')}`;

test('accounts, keys and tokens survive commands, kill -9 and a restart', async () => {
  const directory = makeScratchDirectory('cli');
  const options = { environment: {}, directory };
  const create = (command: string, email: string) =>
    runCommand([command, '--noinput', '--password-stdin', '--email', email, '--json'], {
      ...options,
      input: goodPassword,
    });
  const servers: RunningServer[] = [];
  const start = async (): Promise<Client> => {
    // Only the port is set: 4000 can be in use on the machine of the tests.
    const server = await startServer(options);
    servers.push(server);
    return createClient(server.address);
  };
  const data = join(directory, '.gatehouse');
  const [root, user] = [newAddress(), newAddress()];
  try {
    await start();
    expect(await servers.pop()?.end('SIGTERM')).toMatchObject({ code: 0 });
    expect(await create('createsuperuser', root)).toMatchObject({ code: 0, stderr: '' });
    expect(await readdir(directory)).toEqual(['.gatehouse']);
    expect(await modeOf(data)).toBe('700');
    expect(await modeOf(join(data, 'secret-key'))).toBe('600');
    expect(await isServerFile(data)).toBe(false);

    const first = await start();
    const token = await accessToken(first, root);
    expect(await create('createuser', user)).toMatchObject({ code: 0, stderr: '' });
    const code = await mailedCode(join(data, 'mailbox'), user);
    await servers[0]?.end('SIGKILL');

    const activated = await runCommand(['activateuser', '--code', code], options);
    expect(activated).toMatchObject({ code: 0, stderr: '' });
    const second = await start();
    await accessToken(second, root);
    await accessToken(second, user);
    expect((await second.rest('GET', '/profile/view/', { token })).body.data.email).toBe(root);
    expect(await servers[1]?.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
    expect(await isServerFile(data)).toBe(false);
  } finally {
    for (const server of servers) await server.end('SIGKILL');
    // The last process to release its lease stops the database.
    if (await isServerFile(data)) await runCommand(['migrate'], options);
    await rm(directory, { recursive: true, force: true });
  }
});

test('people are imported beside a running server, and log in there', async () => {
  const directory = makeScratchDirectory('cli');
  const options = { environment: {}, directory };
  const server = await startServer(options);
  const data = join(directory, '.gatehouse');
  try {
    const client = createClient(server.address);
    const emails = Array.from({ length: 600 }, newAddress);
    const file = join(directory, 'people.jsonl');
    const lines = emails.map((email) => `${JSON.stringify({ email, passwordHash: storedHash })}\n`);
    await writeFile(file, lines.join(''));
    const result = await runCommand(['import', 'users', file, '--json'], options);
    expect(result).toMatchObject({ code: 0, stderr: `Database: embedded in ${data}\n` });
    expect(JSON.parse(result.stdout)).toMatchObject({ read: 600, created: 600 });
    await accessToken(client, emails[0] ?? '');
    await accessToken(client, emails.at(-1) ?? '');
  } finally {
    await server.end('SIGTERM');
    if (await isServerFile(data)) await runCommand(['migrate'], options);
    await rm(directory, { recursive: true, force: true });
  }
});

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

/** Whether the database server runs, or an earlier one left its files. */
async function isServerFile(data: string): Promise<boolean> {
  const names = await readdir(join(data, 'postgres', 'data')).catch((): string[] => []);
  return names.includes('postmaster.pid');
}

async function accessToken(client: Client, email: string): Promise<string> {
  const json = { email, password: goodPassword };
  const { status, body } = await client.rest('POST', '/login/', { json });
  expect(status).toBe(200);
  return body.data.access_token;
}

/** The code in the development mailbox's newest mail for an address. */
async function mailedCode(mailbox: string, email: string): Promise<string> {
  const names = (await readdir(mailbox)).sort();
  const mails = await Promise.all(names.map((name) => readFile(join(mailbox, name), 'utf8')));
  const letters: ReceivedMail[] = mails.map((text) => JSON.parse(text));
  return factOf(letters.filter(({ to }) => to === email).at(-1), 'Code');
}
