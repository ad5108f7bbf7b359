/** Rate limits in Redis, and their behaviour while it is unavailable. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { environmentOf } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { goodPassword, newAddress, person } from '../support/people.ts';
import { hasRedis, type RedisServer, startRedis, withoutRedis } from '../support/redis-server.ts';
import { startService, type TestService } from '../support/service.ts';
import { until } from '../support/until.ts';

describe.skipIf(!hasRedis)(`with REDIS_URL${hasRedis ? '' : withoutRedis}`, () => {
  let redis: RedisServer;
  let service: TestService;

  beforeAll(async () => {
    redis = await startRedis();
    const { SECRET_KEY = '' } = environmentOf({ url: '' });
    service = await startService({
      environment: { SECRET_KEY, REDIS_URL: redis.url, TRUST_PROXY: '1' },
    });
  });
  afterAll(async () => {
    await service.close();
    await redis.kill();
  });

  const login = (email: string, password: string, from: string) =>
    service.rest('POST', '/login/', {
      json: { email, password },
      headers: { 'x-forwarded-for': from },
    });
  const exhaustLimit = async (email: string, from: string) => {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect((await login(email, 'wrong, all of it', from)).status).toBe(401);
    }
  };
  const countRows = async () => {
    const [row] = await service.database.query<{ number: string }>(
      'select count(*) as number from rate_limit_buckets',
    );
    return Number(row?.number);
  };

  test('attempts are counted in Redis, and not in PostgreSQL', async () => {
    const { email } = await person(service);
    await exhaustLimit(email, '203.0.113.1');
    const refused = await login(email, goodPassword, '203.0.113.1');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(500);
    expect(await countRows()).toBe(0);
    const fullest = (await service.app.rateLimiter?.fullest(3)) ?? [];
    expect(fullest.map(({ used }) => used)).toEqual([10, 10, 10]);
  });

  test('the commands wait for the connection to Redis', async () => {
    const { email } = await person(service);
    const network = '203.0.113.4';
    await login(email, 'wrong, all of it', network);
    const run = (...args: string[]) =>
      runCommand(['rate-limits', ...args, '--network', network], {
        environment: { ...environmentOf(service.database, service.mail), REDIS_URL: redis.url },
      });
    expect((await run('show')).stdout).toContain(network);
    expect((await run('reset')).stdout).toBe('Reset 1 bucket: network.\n');
    expect((await run('show')).stdout).not.toContain(network);
  });

  test('PostgreSQL counts while Redis is unavailable, and Redis counts again afterwards', async () => {
    const { email } = await person(service);
    await redis.kill();
    await exhaustLimit(email, '203.0.113.2');
    expect((await login(email, goodPassword, '203.0.113.2')).status).toBe(429);
    expect(await countRows()).toBeGreaterThan(0);
    await until(async () =>
      service.logLines.some((line) => line.includes('"component":"rate-limits"')),
    );
    await redis.start();
    await until(async () => {
      const before = await countRows();
      await login(newAddress(), 'wrong, all of it', '203.0.113.3');
      return (await countRows()) === before;
    });
    expect((await service.app.rateLimiter?.fullest(9))?.length).toBeGreaterThan(0);
  });
});
