/** Clients of `/revocations` that stop reading are disconnected; all others get every event. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

const key = randomBytes(32).toString('base64url');
/** More bytes than the buffers of both sockets hold. */
const eventCount = 200_000;
let service: TestService;
beforeAll(async () => {
  service = await startService({ environment: { REVOCATION_FEED_KEY: key } });
});
afterAll(() => service.close());

/** A client that has sent its request and reads nothing yet. */
function openReader(): Socket {
  const { hostname, port } = new URL(service.address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined); // the service closes some of them
  socket.write(
    `GET /revocations HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${key}\r\n\r\n`,
  );
  return socket.pause();
}

/** Reads until that number of events of the type has arrived, or the stream has ended. */
async function readAll(socket: Socket, type: string, count: () => number): Promise<number> {
  const pattern = new RegExp(`"type":"${type}"`, 'g');
  let rest = '';
  let seen = 0;
  for await (const chunk of socket.resume()) {
    rest += chunk;
    const end = rest.lastIndexOf('\n') + 1;
    seen += rest.slice(0, end).match(pattern)?.length ?? 0;
    rest = rest.slice(end);
    if (seen >= count()) break;
  }
  socket.destroy();
  return seen;
}

test('an event stream asks proxies not to buffer it', async () => {
  const { headers, body } = await fetch(`${service.address}/revocations`, {
    headers: { authorization: `Bearer ${key}` },
  });
  await body?.cancel();
  expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
  expect(headers.get('x-accel-buffering')).toBe('no'); // nginx
  expect(headers.get('cache-control')).toBe('no-store');
});

const waitMilliseconds = 9000;
const readsNothing = () => sleep(waitMilliseconds);
const readsSlowly = async (socket: Socket) => {
  for (let second = 0; second < waitMilliseconds / 1000; second += 1) {
    await sleep(1000);
    socket.read(1);
  }
};

const warnings = () => service.logLines.filter((line) => line.includes('event stream closed'));

test('J11: clients that read nothing or a byte a second are disconnected during the replay, another gets every event', async () => {
  await service.database.query(
    `insert into deleted_sessions (id, deleted_at)
     select gen_random_uuid(), now() from generate_series(1, $1::int)`,
    [eventCount],
  );
  const stalled = [readsNothing, readsSlowly].map((stall) => ({ stall, socket: openReader() }));
  const before = process.memoryUsage().rss;
  const [ended, ...readyCounts] = await Promise.all([
    readAll(openReader(), 'ended', () => eventCount),
    ...stalled.map(({ stall, socket }) =>
      stall(socket).then(() => readAll(socket, 'ready', () => 1)),
    ),
  ]);
  expect(ended).toBe(eventCount);
  expect(readyCounts).toEqual([0, 0]);
  expect(warnings()).toHaveLength(2);
  expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(250);
}, 30_000);

test('J11: a client that stalls after the replay is disconnected, another gets every event', async () => {
  await service.database.query('delete from deleted_sessions');
  const warned = warnings().length;
  const stalled = openReader();
  const reader = openReader();
  let lastSent = eventCount;
  const ended = readAll(reader, 'ended', () => lastSent);
  await until(async () => reader.bytesRead > 0);
  await sleep(500); // both have received the replay
  // In batches that a client can read between two turns of the event loop.
  const batch = 1000;
  let sent = 0;
  for (; sent < eventCount && warnings().length === warned; sent += batch) {
    await service.database.query(
      `select count(pg_notify('gatehouse_changes', 'session:' || gen_random_uuid()))
       from generate_series(1, $1::int)`,
      [batch],
    );
    await sleep(5);
  }
  lastSent = sent;
  expect(await ended).toBe(sent);
  expect(await readAll(stalled, 'ended', () => sent)).toBeLessThan(sent);
  expect(warnings()).toHaveLength(warned + 1);
}, 30_000);

test('J11: a stream beyond the limit of 200 is refused with the time to wait', async () => {
  const readers = Array.from({ length: 200 }, openReader);
  const ask = () =>
    fetch(`${service.address}/revocations`, { headers: { authorization: `Bearer ${key}` } });
  for (const reader of readers) reader.resume();
  await until(async () => readers.every(({ bytesRead }) => bytesRead > 0));
  const refused = await ask();
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
  for (const reader of readers) reader.destroy();
  await until(async () => {
    const { status, body } = await ask();
    await body?.cancel();
    return status === 200;
  });
});
