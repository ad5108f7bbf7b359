/** Signals: the first one begins the graceful shutdown, the second one ends the server immediately. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { environmentOf, spawnCommand, startServer, type Variables } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { until } from '../support/until.ts';

// Several processes start one after the other, while other tests run.
vi.setConfig({ testTimeout: 60_000 });

let database: TestDatabase;
let environment: Variables;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = environmentOf(database);
});
afterAll(() => database.drop());

describe.each(['1', '2'])('with WORKERS=%s', (workers) => {
  const start = () => startServer({ environment: { ...environment, WORKERS: workers } });
  const connections = () =>
    database.query(
      "select 1 from pg_stat_activity where application_name like 'gatehouse-%' and datname = current_database()",
    );

  test('the first Ctrl-C after SIGTERM ends it immediately, and no process is left', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGTERM');
    await sleep(50);
    const ended = await server.end('SIGINT');
    expect(ended).toMatchObject({ code: null, signal: 'SIGINT' });
    await until(async () => (await connections()).length === 0, 5000);
  });

  test('a second Ctrl-C ends it immediately', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGINT');
    // The shutdown takes at least 300 ms; a second signal counts as a duplicate for 500 ms.
    const slow = fetch(`${server.address}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      duplex: 'half',
      body: new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from('{')) }),
    } as RequestInit).catch(() => undefined);
    await sleep(700);
    const ended = await server.end('SIGINT');
    await slow;
    expect(ended).toMatchObject({ code: null, signal: 'SIGINT' });
  });

  test('a Ctrl-C that npm duplicates does not interrupt the graceful shutdown', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGINT');
    await sleep(20);
    expect(await server.end('SIGINT')).toMatchObject({ code: 0, signal: null });
  });
});

test('--port and --host override the environment, and have the same validation', async () => {
  const port = String(await freePort());
  const options = { environment: { ...environment, PORT: '1', HOST: '192.0.2.1' } };
  const server = await startServer(options, ['--port', port, '--host', '127.0.0.1']);
  expect(server.address).toBe(`http://127.0.0.1:${port}`);
  expect(await server.end('SIGTERM')).toMatchObject({ code: 0 });
  const wrong = await spawnCommand(['serve', '--port', 'http'], options);
  expect(wrong).toMatchObject({ code: 2, stdout: '' });
  expect(wrong.stderr).toContain('PORT');
});
