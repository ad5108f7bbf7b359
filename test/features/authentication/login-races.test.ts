/** Logins during which the account changes, or the caller leaves. */
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

/** As many as there are connections to the database. */
const callers = 8;

test.each([
  ['is disabled', "update users set status = 'DISABLED' where id = $1"],
  ['gets another password', "update password_hashes set password_hash = '!' where user_id = $1"],
])(
  'an account that %s while its password is checked gets no session',
  async (_change, statement) => {
    const { email, userId } = await somebody(service);
    const changing = new Client({ connectionString: service.database.url });
    await changing.connect();
    await changing.query('begin');
    await changing.query('select from users where id = $1 for update', [userId]);
    await changing.query(statement, [userId]);
    // All have read the former state, have checked the password, and wait for the lock of the user.
    const logins = Array.from({ length: callers }, () => tryLogin(service, email));
    await until(async () => (await waitingForLocks(service)) === callers, 2_500);
    await changing.query('commit');
    await changing.end();
    const codes = (await Promise.all(logins)).map(({ code }) => code);
    expect(codes).toEqual(Array(callers).fill('INVALID_CREDENTIALS'));
    expect(await sessionsOf(service, userId)).toBe(1);
  },
);

test('a caller who hangs up while the password is checked gets no session', async () => {
  // A tenth of a second for each password.
  const environment = { PASSWORD_HASH_MEMORY_KIB: '65536', PASSWORD_HASH_ITERATIONS: '3' };
  await using slow = await startService({ environment, hasCostlyHashes: true });
  const { email, userId } = await somebody(slow);
  const attemptsInFlight = async () => {
    const rows = await slow.database.query('select from rate_limit_buckets where used > 0');
    return rows.length;
  };
  expect(await attemptsInFlight()).toBe(0);
  const body = JSON.stringify({ email, password: goodPassword });
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
  };
  const { hostname, port } = new URL(slow.address);
  const connected = once(slow.server, 'connection');
  const caller = connect(Number(port), hostname);
  const [connection] = (await connected) as [Socket]; // what Node's server gives
  caller.write(requestBytes('POST /auth/login/', headers, body));
  // The attempt is counted right before the comparison.
  await until(async () => (await attemptsInFlight()) > 0);
  caller.destroy();
  await once(connection, 'close');
  // The next login of the same account waits for whatever the first one does.
  expect(await tryLogin(slow, email)).toMatchObject({ __typename: 'TokenPair' });
  expect(await sessionsOf(slow, userId)).toBe(2);
});
