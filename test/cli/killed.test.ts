/** Commands that are killed: at any moment, a second run succeeds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  environmentOf,
  spawnCommand,
  startCommand,
  startServer,
  type Variables,
} from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { type MailServer, startMailServer } from '../support/mail-server.ts';
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

const call = (email: string): [string[], { environment: Variables; input: string }] => [
  ['createsuperuser', '--noinput', '--password-stdin', '--email', email],
  { environment, input: goodPassword },
];

const usersOf = (email: string) =>
  database.query(
    `select status, is_superuser, name as group, password_hash is not null as "hasPassword"
     from users left join user_groups on user_id = users.id left join groups on group_id = groups.id
       left join password_hashes on password_hashes.user_id = users.id
     where email = $1`,
    [email],
  );

const complete = [{ status: 'ACTIVE', is_superuser: true, group: 'Root', hasPassword: true }];

/** Milliseconds from the call to the user in the database; set by the first test. */
let untilMade = 1000;

test('the server sends the mail of a createsuperuser that was killed after the user was created', async () => {
  const email = newAddress();
  const begin = performance.now();
  const command = await startCommand(...call(email));
  while ((await usersOf(email)).length === 0) await sleep(1);
  untilMade = performance.now() - begin;
  await command.end('SIGKILL');
  expect(await usersOf(email)).toEqual(complete);

  const server = await startServer({ environment });
  const [letter] = await mail.waitFor(email);
  expect(letter?.subject).toBe('Security notice: administrator rights at Gatehouse');
  expect(await server.end('SIGTERM')).toMatchObject({ code: 0 });
});

test('createsuperuser, killed at random moments, leaves one complete user or none', async () => {
  const rounds = 3;
  const kill = async (email: string, round: number) => {
    const command = await startCommand(...call(email));
    // The import of the modules takes most of the time; the changes happen near the end.
    const share = 0.5 + (0.6 * (round + Math.random())) / rounds;
    await Promise.race([sleep(share * untilMade), command.ended]);
    await command.end('SIGKILL');
    const users = await usersOf(email);
    if (users.length > 0) expect(users).toEqual(complete);
  };
  const killAndFinish = async (email: string) => {
    for (let round = 0; round < rounds; round += 1) await kill(email, round);
    const { code, stderr } = await spawnCommand(...call(email));
    expect(`${code}: ${stderr}`).toMatch(/^(0: $|1: ALREADY_EXISTS: )/);
    expect(await usersOf(email)).toEqual(complete);
  };
  await Promise.all([newAddress(), newAddress()].map(killAndFinish));
});
