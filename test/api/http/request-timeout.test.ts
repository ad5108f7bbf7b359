/** The request timeout limits the time until a response. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createIdleUser } from '../../support/idle-user.ts';
import { expectRefusal } from '../../support/refusals.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

const answerMilliseconds = 1000;

let service: TestService;
/** Another process of the same service, with a short timeout. */
let withShortTimeout: TestService;
beforeAll(async () => {
  service = await startService();
  const { database, mail } = service;
  withShortTimeout = await startService({ database, mail, httpLimits: { answerMilliseconds } });
});
afterAll(async () => {
  await withShortTimeout.close();
  await service.close();
});

test('a change that waits for a lock is answered OVERLOADED, over REST and GraphQL, and is complete later', async () => {
  const { accessToken: token, userId } = await createIdleUser(service);
  const other = new Client({ connectionString: service.database.url });
  await other.connect();
  await other.query('begin');
  await other.query('select 1 from users where id = $1 for update', [userId]);
  const update = { token, json: { first_name: 'Augusta' } };
  const document = 'mutation { updateProfile(input: {lastName: "King"}) { __typename } }';
  const [rest, graphql] = await Promise.all([
    withShortTimeout.rest('PUT', '/profile/update/', update),
    withShortTimeout.graphql(document, {}, token),
  ]);
  expectRefusal(rest, 'OVERLOADED');
  expect(rest.headers.get('retry-after')).toBe('1');
  expect(graphql.status).toBe(503);
  expect(graphql.headers.get('retry-after')).toBe('1');
  expect(graphql.errors?.[0]?.extensions?.code).toBe('OVERLOADED');
  await other.query('rollback');
  await other.end();
  await until(async () => {
    const [user] = await service.database.query<{ name: string }>(
      "select first_name || ' ' || last_name as name from users where id = $1",
      [userId],
    );
    return user?.name === 'Augusta King';
  });
  expect((await service.rest('PUT', '/profile/update/', update)).status).toBe(200);
});

test('a request that arrives slowly is not cut off', async () => {
  const { hostname, port } = new URL(withShortTimeout.address);
  const socket = connect(Number(port), hostname);
  let response = '';
  socket.setEncoding('utf8').on('data', (text) => {
    response += text;
  });
  const body = JSON.stringify({ email: 'not an address' });
  const head = `POST /auth/register/ HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
  socket.write(head + body.slice(0, 10));
  await sleep(2.5 * answerMilliseconds);
  expect(response).toBe('');
  socket.write(body.slice(10));
  await until(() => response.includes('VALIDATION_FAILED'));
  socket.destroy();
});
