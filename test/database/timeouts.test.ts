/** A frozen, locked or slow database: every request ends in time, and no connection or lock is left. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { httpLimits } from '../../src/api/http/limits.ts';
import { serverTimeouts } from '../../src/database/timeouts.ts';
import { createIdleUser } from '../support/idle-user.ts';
import { goodPassword } from '../support/people.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { expectRefusal } from '../support/refusals.ts';
import { startService, type TestService } from '../support/service.ts';
import { isIn } from '../support/session-calls.ts';
import { until } from '../support/until.ts';

/** More requests than connections. */
const requestCount = 16;
/** Maximum time of a response, with a reserve for a busy machine. */
const answerMilliseconds = 5_000;

let postgres: Postgres;
let service: TestService;
beforeAll(async () => {
  postgres = await startPostgres();
  const database = { url: postgres.url, query: postgres.query, drop: async () => undefined };
  service = await startService({ database, httpLimits, databaseTimeouts: serverTimeouts });
});
afterAll(async () => {
  await service.close();
  await postgres[Symbol.asyncDispose]();
});

const statusOf = async (path: string) => (await fetch(`${service.address}${path}`)).status;

test('a frozen database: requests fail in time, health shows it, and the service continues without a restart', async () => {
  const { accessToken: token, email, refreshToken } = await createIdleUser(service);
  await postgres.freeze();
  const start = performance.now();
  const readiness = await statusOf('/health/ready');
  expect([readiness, performance.now() - start < 2_000]).toEqual([503, true]);
  expect(await statusOf('/health/live')).toBe(200);
  const json = { email, password: goodPassword };
  const calls = Array.from({ length: requestCount }, (_, index) =>
    index % 2
      ? service.rest('POST', '/login/', { json })
      : service.rest('PUT', '/profile/update/', { token, json: { first_name: `Ada ${index}` } }),
  );
  for (const answer of await Promise.all(calls)) {
    expectRefusal(answer, 'OVERLOADED');
    expect(answer.headers.get('retry-after')).toBe('1');
  }
  expect(performance.now() - start).toBeLessThan(2_000 + answerMilliseconds);
  // Longer than the timeout of the pool, so that abandoned connections have returned.
  await sleep(3_000);
  await postgres.thaw();
  await until(async () => (await statusOf('/health/ready')) === 200, 5_000);
  const calm = await Promise.all(
    Array.from({ length: requestCount }, () => service.rest('POST', '/login/', { json })),
  );
  expect(calm.map(({ status }) => status)).toEqual(Array(requestCount).fill(200));
  const next = await service.rest('POST', '/token/refresh/', {
    json: { refresh_token: refreshToken },
  });
  expect(next.status).toBe(200);
  await until(() => isIn(service, token));
});

test.concurrent('a locked table: waiting requests fail in time, others succeed, and no connection is lost', async () => {
  const { accessToken: token, email } = await createIdleUser(service);
  const operator = new Client({ connectionString: postgres.url });
  await operator.connect();
  await operator.query('begin');
  await operator.query('lock table one_time_passwords');
  const answers = await Promise.all(
    Array.from({ length: 4 }, () =>
      service.rest('PUT', '/profile/update/', {
        token,
        json: { email: `new-${email}`, password: goodPassword },
      }),
    ),
  );
  for (const answer of answers) expectRefusal(answer, 'OVERLOADED');
  expect(await statusOf('/health/ready')).toBe(200);
  const waiting = () =>
    postgres.query("select 1 from pg_stat_activity where wait_event_type = 'Lock'");
  // The lock is still held, so the sessions ended by their timeout.
  await until(async () => (await waiting()).length === 0, 5_000);
  await operator.end();
  const again = await service.rest('PUT', '/profile/update/', {
    token,
    json: { email: `new-${email}`, password: goodPassword },
  });
  expect(again.status).toBe(200);
});

test.concurrent('each session has its timeouts and TCP keepalives', async () => {
  const limits = await service.app.unitOfWork.query(
    `select name, setting || coalesce(unit, '') as value from pg_settings
     where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'tcp_keepalives_idle')
     order by name`,
  );
  expect(limits).toEqual([
    { name: 'idle_in_transaction_session_timeout', value: '5000ms' },
    { name: 'lock_timeout', value: '3000ms' },
    { name: 'statement_timeout', value: '4000ms' },
    { name: 'tcp_keepalives_idle', value: '10s' },
  ]);
  const slow = service.app.unitOfWork.query('select pg_sleep(8)');
  await expect(slow).rejects.toMatchObject({ code: '57014' });
});

test.concurrent('a process that freezes in a transaction does not keep its locks', async () => {
  const { userId } = await createIdleUser(service);
  const { unitOfWork } = service.app;
  const asleep = unitOfWork.withEntityManager(() =>
    unitOfWork.transaction(async () => {
      await unitOfWork.query('select 1 from users where id = ? for update', [userId]);
      await sleep(7_000);
      await unitOfWork.query('select 1');
    }),
  );
  const outcome = asleep.then(
    () => 'committed',
    () => 'gone',
  );
  await sleep(200);
  await postgres.query('update users set first_name = first_name where id = $1', [userId]);
  expect(await outcome).toBe('gone');
});
