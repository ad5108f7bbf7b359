/** The two stores of rate limits with the same tests: an attempt consumes all of its buckets or none. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDatabaseUrl } from '../../src/config/database-url.ts';
import { serverTimeouts } from '../../src/database/timeouts.ts';
import { createLog } from '../../src/observability/log.ts';
import { createPostgresStore } from '../../src/rate-limit/postgres-store.ts';
import { createRedisStore } from '../../src/rate-limit/redis-store.ts';
import type { Consumption, RateLimitStore } from '../../src/rate-limit/store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { hasRedis, type RedisServer, startRedis, withoutRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

const log = createLog({
  isReadable: false,
  level: 'silent',
  destination: { write: () => undefined },
});
let database: TestDatabase;
let redis: RedisServer | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  if (hasRedis) redis = await startRedis();
});
afterAll(async () => {
  await redis?.kill();
  await database.drop();
});

const openPostgres = (isPooled = false) =>
  createPostgresStore({
    database: parseDatabaseUrl(database.url),
    isPooled,
    timeouts: serverTimeouts,
    log,
  });
const openRedis = () => createRedisStore(redis?.url ?? '', log, openPostgres());

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);
const isTaken = ({ refusal }: Consumption) => refusal === undefined;

describe.each([
  { name: 'PostgreSQL', isThere: true, open: openPostgres },
  { name: 'PostgreSQL behind a pooler', isThere: true, open: () => openPostgres(true) },
  { name: `Redis${hasRedis ? '' : withoutRedis}`, isThere: hasRedis, open: openRedis },
])('$name', ({ isThere, open }) => {
  let store: RateLimitStore;
  beforeAll(async () => {
    if (!isThere) return;
    store = open();
    await until(async () => (await store.fullest(1)) !== undefined);
  });
  afterAll(async () => store?.close());

  const bucket = (points = 3, seconds = 600, key: string = randomUUID()) => ({
    key,
    points,
    seconds,
  });
  const used = async (key: string) => (await store.read([key]))[0]?.used ?? 0;

  test.skipIf(!isThere)('an attempt consumes one of every bucket, or none', async () => {
    const [small, large] = [bucket(1), bucket(5)];
    expect(isTaken(await store.consume([large, small]))).toBe(true);
    const refused = await store.consume([small, large]);
    expect(refused.refusal?.key).toBe(small.key);
    expect([await used(small.key), await used(large.key)]).toEqual([1, 1]);
  });

  test.skipIf(!isThere)(
    'of 64 parallel attempts exactly the limit succeeds, and the others consume nothing',
    async () => {
      const others = await Promise.all(upTo(3).map(async () => open()));
      const stores = [store, ...others];
      await Promise.all(others.map((other) => other.fullest(1)));
      const [small, large] = [bucket(10), bucket(1000)];
      const outcomes = await Promise.all(
        upTo(64).map((index) => {
          const own = bucket(1);
          return stores[index % 4]?.consume(
            index % 2 === 0 ? [small, large, own] : [own, large, small],
          );
        }),
      );
      await Promise.all(others.map((other) => other.close()));
      expect(outcomes.filter((outcome) => outcome && isTaken(outcome))).toHaveLength(10);
      expect([await used(small.key), await used(large.key)]).toEqual([10, 10]);
    },
  );

  test.skipIf(!isThere)('processes that share buckets in any order have no deadlock', async () => {
    const shared = upTo(8).map(() => bucket(100_000));
    const stores = upTo(4).map(() => open());
    await Promise.all(stores.map((each) => each.fullest(1)));
    const attempts = upTo(160).map(async (index) => {
      const rotated = shared.map((_, at) => shared[(at * (2 * index + 1) + index) % 8] ?? bucket());
      const consumption = await stores[index % 4]?.consume(rotated);
      if (index % 2 === 0 && consumption && !consumption.refusal) await consumption.refund();
    });
    await Promise.all(attempts);
    await Promise.all(stores.map((each) => each.close()));
    expect(await Promise.all(shared.map(({ key }) => used(key)))).toEqual(Array(8).fill(80));
  });

  test.skipIf(!isThere)('a refusal names the exhausted bucket with the longest wait', async () => {
    const [short, long] = [bucket(1, 5), bucket(1, 300)];
    await store.consume([short]);
    await store.consume([long]);
    const { refusal } = await store.consume([short, long]);
    expect(refusal?.key).toBe(long.key);
    expect(refusal?.retryAfterMs).toBeGreaterThan(295_000);
    expect(refusal?.retryAfterMs).toBeLessThanOrEqual(300_000);
  });

  test.skipIf(!isThere)(
    'a refund returns one attempt, and never more than were consumed',
    async () => {
      const one = bucket(2);
      const taken = await store.consume([one]);
      await store.consume([one]);
      if (!taken.refusal) await taken.refund();
      expect(await used(one.key)).toBe(1);
      await store.reset([one.key]);
      if (!taken.refusal) await taken.refund();
      expect(await used(one.key)).toBe(0);
      expect(isTaken(await store.consume([one]))).toBe(true);
      expect(isTaken(await store.consume([one]))).toBe(true);
      expect(isTaken(await store.consume([one]))).toBe(false);
    },
  );

  test.skipIf(!isThere)(
    'a window begins with its first counted attempt, and ends at the announced time',
    async () => {
      const one = bucket(1, 1);
      await store.consume([one]);
      const { refusal } = await store.consume([one]);
      expect(refusal?.retryAfterMs).toBeGreaterThan(0);
      await sleep((refusal?.retryAfterMs ?? 0) - 200);
      expect(isTaken(await store.consume([one]))).toBe(false);
      await sleep(200);
      const again = await store.consume([one]);
      expect(isTaken(again)).toBe(true);
      if (!again.refusal) await again.refund();
      await sleep(700);
      await store.consume([one]);
      expect((await store.consume([one])).refusal?.retryAfterMs).toBeGreaterThan(500);
    },
  );

  test.skipIf(!isThere)('the buckets are listed, cleared and pruned', async () => {
    await store.clear();
    const [full, half] = [bucket(4), bucket(2)];
    for (const _ of upTo(4)) await store.consume([full]);
    await store.consume([half, bucket(1)]);
    const [first] = await store.fullest(2);
    expect(first).toMatchObject({ key: full.key, used: 4 });
    expect(first?.endsAt.getTime()).toBeGreaterThan(Date.now() + 590_000);
    expect((await store.fullest(9)).map((state) => state.used)).toEqual([4, 1, 1]);
    expect(await store.keysWithPrefix(half.key)).toEqual([half.key]);
    expect(await store.keysWithPrefix(`${half.key}_`)).toEqual([]);
    await store.prune();
    expect(await store.clear()).toBe(3);
    expect(await store.fullest(9)).toEqual([]);
  });

  test.skipIf(!isThere)(
    'any sequence of attempts, refunds and resets agrees with a model',
    async () => {
      const keys = ['a', 'b', 'c', 'd'] as const;
      const points = { a: 1, b: 2, c: 3, d: 5 };
      const some = fc.uniqueArray(fc.constantFrom(...keys), { minLength: 1 });
      const step = fc.oneof(
        { weight: 5, arbitrary: some.map((of) => ({ what: 'consume', of }) as const) },
        { weight: 2, arbitrary: fc.nat(20).map((which) => ({ what: 'refund', which }) as const) },
        { weight: 1, arbitrary: some.map((of) => ({ what: 'reset', of }) as const) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
          const run = randomUUID();
          const model = { a: 0, b: 0, c: 0, d: 0 };
          const taken: { of: readonly (typeof keys)[number][]; refund(): Promise<void> }[] = [];
          for (const each of steps) {
            if (each.what === 'consume') {
              const requests = each.of.map((key) => bucket(points[key], 600, `${run}:${key}`));
              const outcome = await store.consume(requests);
              const isFree = each.of.every((key) => model[key] < points[key]);
              expect(isTaken(outcome)).toBe(isFree);
              if (outcome.refusal) continue;
              for (const key of each.of) model[key] += 1;
              taken.push({ of: each.of, refund: outcome.refund });
            } else if (each.what === 'refund') {
              const [one] = taken.splice(each.which % Math.max(1, taken.length), 1);
              await one?.refund();
              for (const key of one?.of ?? []) model[key] = Math.max(0, model[key] - 1);
            } else {
              await store.reset(each.of.map((key) => `${run}:${key}`));
              for (const key of each.of) model[key] = 0;
            }
          }
          const found = await Promise.all(keys.map((key) => used(`${run}:${key}`)));
          expect(found).toEqual(keys.map((key) => model[key]));
        }),
        { numRuns: 40 },
      );
    },
  );
});
