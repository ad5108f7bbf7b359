/** Jobs whose end cannot be written: no mail is lost, and the server shuts down. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../support/client.ts';
import { environmentOf, startServer } from '../../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { goodPassword } from '../../support/people.ts';
import { until } from '../../support/until.ts';

/** As many as the job worker runs concurrently. */
const addresses = ['one', 'two', 'three', 'four'].map((name) => `${name}@example.com`);

let database: TestDatabase;
let mail: MailServer;
/** Mails that the mail server has read and not accepted yet. */
let held = 0;
const release = Promise.withResolvers<void>();
beforeAll(async () => {
  database = await createTestDatabase();
  mail = await startMailServer({
    async onData(stream, _session, done) {
      for await (const _ of stream);
      held += 1;
      const turn = held;
      await release.promise;
      await sleep(30 * turn);
      done();
    },
  });
});
afterAll(async () => {
  await mail.close();
  await database.drop();
});

const rename = (from: string, to: string) =>
  database.query(`alter table graphile_worker.${from} rename to ${to}`);

test('mails whose job could not be completed are sent again, and SIGTERM ends the server', async () => {
  const server = await startServer({
    environment: { ...environmentOf(database, mail), RATE_LIMITS: 'off' },
  });
  const { rest } = createClient(server.address);
  for (const email of addresses) {
    const name = { first_name: 'Ada', last_name: 'Lovelace' };
    const secret = { password: goodPassword, password2: goodPassword };
    const json = { email, ...name, ...secret };
    expect((await rest('POST', '/register/', { json })).status).toBe(201);
  }
  await until(() => held === addresses.length);
  await rename('_private_jobs', 'jobs_renamed');
  release.resolve();
  await sleep(1000);
  await rename('jobs_renamed', '_private_jobs');
  await until(() => held === 2 * addresses.length, 20_000);
  const { code } = await server.end('SIGTERM');
  expect(code).toBe(0);
});
