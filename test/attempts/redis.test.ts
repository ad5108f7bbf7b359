/** Attempts counted in Redis, and what happens when that goes away. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canRun } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { goodPassword, newAddress, person } from '../support/people.ts';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

const isRedisHere = canRun('redis-server', 'redis-server');
const title = isRedisHere
  ? 'with REDIS_URL'
  : 'with REDIS_URL (no redis-server, and it cannot be installed: apt-get install redis-server)';

describe.skipIf(!isRedisHere)(title, () => {
  let port: number;
  let redis: ChildProcess;
  let service: TestService;

  const startRedis = async () => {
    redis = spawn('redis-server', ['--port', String(port), '--save', '', '--bind', '127.0.0.1'], {
      stdio: 'ignore',
    });
    await until(() => canConnect(port));
  };
  const stopRedis = async () => {
    redis.kill('SIGKILL');
    await once(redis, 'exit');
  };

  beforeAll(async () => {
    port = await freePort();
    await startRedis();
    service = await startService({
      environment: { REDIS_URL: `redis://127.0.0.1:${port}`, TRUST_PROXY: '1' },
    });
  });
  afterAll(async () => {
    await service.close();
    if (redis.exitCode === null && redis.signalCode === null) await stopRedis();
  });

  const login = (email: string, password: string, from: string) =>
    service.rest('POST', '/login/', {
      json: { email, password },
      headers: { 'x-forwarded-for': from },
    });
  const runOut = async (email: string, from: string) => {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect((await login(email, 'wrong, all of it', from)).status).toBe(401);
    }
  };
  const countRows = async () => {
    const [row] = await service.database.query<{ number: string }>(
      'select count(*) as number from attempt_budgets',
    );
    return Number(row?.number);
  };

  test('it counts, and right ones in parallel get in', async () => {
    const { email } = await person(service);
    const logins = Array.from({ length: 20 }, () => login(email, goodPassword, '203.0.113.1'));
    expect((await Promise.all(logins)).map(({ status }) => status)).toEqual(Array(20).fill(200));
    await runOut(email, '203.0.113.1');
    const refused = await login(email, goodPassword, '203.0.113.1');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(500);
    expect(await countRows()).toBe(0);
    const fullest = (await service.house.budgets?.fullest(3)) ?? [];
    expect(fullest.map(({ points }) => points)).toEqual([10, 10, 10]);
  });

  test('while it is away PostgreSQL counts, and afterwards it does again', async () => {
    const { email } = await person(service);
    await stopRedis();
    await runOut(email, '203.0.113.2');
    expect((await login(email, goodPassword, '203.0.113.2')).status).toBe(429);
    expect(await countRows()).toBeGreaterThan(0);
    await until(async () => service.logLines.some((line) => line.includes('"part":"budgets"')));
    await startRedis();
    await until(async () => {
      const before = await countRows();
      await login(newAddress(), 'wrong, all of it', '203.0.113.3');
      return (await countRows()) === before;
    });
    expect((await service.house.budgets?.fullest(9))?.length).toBeGreaterThan(0);
  });
});

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
