/** A read-only server, as during a failover, counts as an unavailable database. */
import { Client } from 'pg';
import { expect, test } from 'vitest';
import { openDatabaseWire } from '../support/database-wire.ts';
import { createIdleUser } from '../support/idle-user.ts';
import { startOwnServer } from '../support/own-server.ts';
import { expectRefusal } from '../support/refusals.ts';
import { startService } from '../support/service.ts';
import { isIn } from '../support/session-calls.ts';
import { until } from '../support/until.ts';

test('while only a standby is available, writes get OVERLOADED with Retry-After, and no connection to it stays', async () => {
  await using server = await startOwnServer();
  const database = await server.createDatabase();
  await using wire = await openDatabaseWire(database.url);
  await using service = await startService({ database: { ...database, url: wire.url } });
  const { accessToken: token } = await createIdleUser(service);
  const rename = (name: string) =>
    service.rest('PUT', '/profile/update/', { token, json: { first_name: name } });

  await server.stop();
  await server.startAsStandby();
  await wire.cut();
  await wire.mend(server.urlOf(database));
  await until(async () => (await service.rest('GET', '/profile/view/', { token })).status === 503);
  for (let round = 0; round < 12; round += 1) {
    const answer = await rename('Augusta');
    expectRefusal(answer, 'OVERLOADED');
    expect(answer.headers.get('retry-after')).toBe('1');
  }
  expect((await fetch(`${service.address}/health/ready`)).status).toBe(503);

  const operator = new Client({ connectionString: server.urlOf(database) });
  await operator.connect();
  await operator.query('select pg_promote()');
  await operator.end();
  await until(async () => (await rename('Byron')).status === 200);
  expect(await isIn(service, token)).toBe(true);
  expect((await fetch(`${service.address}/health/ready`)).status).toBe(200);
  await database.drop();
});
