/** Logins during which the account changes or the client disconnects. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { goodPassword, somebody, tryLogin } from '../../support/people.ts';
import { requestBytes } from '../../support/raw-socket.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
});
afterAll(() => service.close());

async function sessionsOf({ database }: TestService, userId: string): Promise<number> {
  const rows = await database.query('select from sessions where user_id = $1', [userId]);
  return rows.length;
}

/** Connections of the service that wait for a lock. */
async function waitingForLocks({ database }: TestService): Promise<number> {
  const rows = await database.query(
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rows.length;
}

/** The number of connections to the database. */
const callers = 8;

test.each([
  ['is disabled', "update users set status = 'DISABLED' where id = $1"],
  ['gets another password', "update password_hashes set password_hash = '!' where user_id = $1"],
])(
  'a login creates no session if the account %s during the password check',
  async (_change, statement) => {
    const { email, userId } = await somebody(service);
    const changing = new Client({ connectionString: service.database.url });
    await changing.connect();
    await changing.query('begin');
    await changing.query('select from users where id = $1 for update', [userId]);
    await changing.query(statement, [userId]);
    // All logins have read the old state and checked the password, and wait for the lock of the user.
    const logins = Array.from({ length: callers }, () => tryLogin(service, email));
    await until(async () => (await waitingForLocks(service)) === callers);
    await changing.query('commit');
    await changing.end();
    const codes = (await Promise.all(logins)).map(({ code }) => code);
    expect(codes).toEqual(Array(callers).fill('INVALID_CREDENTIALS'));
    expect(await sessionsOf(service, userId)).toBe(1);
  },
);

test('a login creates no session if the client disconnects during the password check', async () => {
  // Each password check takes 0.1 seconds.
  const environment = { PASSWORD_HASH_MEMORY_KIB: '65536', PASSWORD_HASH_ITERATIONS: '3' };
  await using slow = await startService({ environment, hasCostlyHashes: true });
  const countedAttempts = async () => {
    const rows = await slow.database.query('select from rate_limit_buckets where used > 0');
    return rows.length;
  };
  const { hostname, port } = new URL(slow.address);
  /** The number of sessions after a login whose client disconnects, and another login. */
  const sessionsAfterLogins = async () => {
    const { email, userId } = await somebody(slow);
    const before = await sessionsOf(slow, userId);
    const attempts = await countedAttempts();
    const connected = once(slow.server, 'connection');
    const client = connect(Number(port), hostname);
    const [connection] = (await connected) as [Socket]; // the argument of the event
    const body = JSON.stringify({ email, password: goodPassword });
    const headers = {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(body)),
    };
    client.write(requestBytes('POST /auth/login/', headers, body));
    // The rate limit counts the attempt directly before the password check.
    await until(async () => (await countedAttempts()) > attempts);
    client.destroy();
    await once(connection, 'close');
    // The next login of the account waits until the first one has finished.
    expect(await tryLogin(slow, email)).toMatchObject({ __typename: 'TokenPair' });
    return (await sessionsOf(slow, userId)) - before;
  };
  // On a machine that stalls, a client may disconnect too late.
  await expect.poll(sessionsAfterLogins, { timeout: 50_000 }).toBe(1);
});
