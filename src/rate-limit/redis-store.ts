/**
 * Rate limit buckets in Redis or Valkey. Each is a counter that expires with its window. While the server
 * is unavailable, the fallback store counts.
 */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import type { Log } from '../observability/log.ts';
import { type BucketState, type Consumption, inKeyOrder, type RateLimitStore } from './store.ts';

/** While the server is unavailable a command fails immediately, and the fallback counts. */
const redisOptions = {
  lazyConnect: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 1000,
  commandTimeout: 500,
} as const;

/** How long an operator's command waits for the connection. */
const readyTimeoutMs = 1500;

const prefix = 'gatehouse:rate-limit:';

/** Arguments: points and milliseconds of each key. Returns nothing, or the position of the refused key and its wait. */
const consumeScript = `
  local refused, wait = 0, 0
  for i, key in ipairs(KEYS) do
    if tonumber(redis.call('GET', key) or '0') >= tonumber(ARGV[2 * i - 1]) then
      local left = math.max(1, redis.call('PTTL', key))
      if left > wait then refused, wait = i, left end
    end
  end
  if refused > 0 then return { refused, wait } end
  for i, key in ipairs(KEYS) do
    if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[2 * i]) end
  end
  return {}`;

/** Does not make an expired or reset counter negative. */
const refundScript = `
  for _, key in ipairs(KEYS) do
    if tonumber(redis.call('GET', key) or '0') > 0 then redis.call('DECR', key) end
  end`;

export function createRedisStore(url: string, log: Log, fallback: RateLimitStore): RateLimitStore {
  const redis = new Redis(url, redisOptions);
  redis.on('error', (error) =>
    log.warn({ err: error, component: 'rate-limits' }, 'Redis unavailable'),
  );
  redis.connect().catch(() => undefined); // logged above; the client retries

  const run = (script: string, keys: readonly string[], values: readonly number[] = []) =>
    redis.eval(script, keys.length, ...keys.map((key) => prefix + key), ...values);

  const isReady = async (): Promise<boolean> => {
    if (redis.status === 'ready') return true;
    return once(redis, 'ready', { signal: AbortSignal.timeout(readyTimeoutMs) }).then(
      () => true,
      () => false,
    );
  };

  const orFallback = <Result>(command: () => Promise<Result>, instead: () => Promise<Result>) =>
    redis.status === 'ready' ? command().catch(instead) : instead();

  const storedKeys = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const batch of redis.scanStream({ match: `${prefix}*`, count: 1000 })) {
      found.push(...(batch as string[]).map((key) => key.slice(prefix.length))); // as: keys are strings
    }
    return found;
  };

  const readAll = async (keys: readonly string[]): Promise<BucketState[]> => {
    const states = await Promise.all(
      keys.map(async (key) => {
        const [used, leftMs] = await Promise.all([
          redis.get(prefix + key),
          redis.pttl(prefix + key),
        ]);
        return { key, used: Number(used), endsAt: new Date(Date.now() + leftMs) };
      }),
    );
    return states.filter(({ used }) => used > 0);
  };

  const consume: RateLimitStore['consume'] = async (requests): Promise<Consumption> => {
    const keys = requests.map(({ key }) => key);
    const values = requests.flatMap(({ points, seconds }) => [points, seconds * 1000]);
    const [position, retryAfterMs = 1] = (await run(consumeScript, keys, values)) as number[];
    const refused = position === undefined ? undefined : keys[position - 1];
    if (refused !== undefined) return { refusal: { key: refused, retryAfterMs } };
    return {
      async refund() {
        await run(refundScript, keys);
      },
    };
  };

  return {
    consume: (requests) =>
      orFallback(
        () => consume(inKeyOrder(requests)),
        () => fallback.consume(requests),
      ),
    async reset(keys) {
      if (await isReady()) await redis.del(...keys.map((key) => prefix + key));
      await fallback.reset(keys);
    },
    read: (keys) =>
      orFallback(
        () => readAll(keys),
        () => fallback.read(keys),
      ),
    async inspect(keys) {
      const states = (await isReady()) ? await readAll(keys) : [];
      return [...states, ...(await fallback.inspect(keys))];
    },
    async keysWithPrefix(beginning) {
      const keys = (await isReady()) ? await storedKeys() : [];
      const found = keys.filter((key) => key.startsWith(beginning));
      return [...new Set([...found, ...(await fallback.keysWithPrefix(beginning))])];
    },
    async fullest(limit) {
      if (!(await isReady())) return fallback.fullest(limit);
      const states = await readAll(await storedKeys());
      return states.toSorted((one, other) => other.used - one.used).slice(0, limit);
    },
    async clear() {
      const found = (await isReady()) ? await storedKeys() : [];
      if (found.length > 0) await redis.del(...found.map((key) => prefix + key));
      return found.length + (await fallback.clear());
    },
    prune: () => fallback.prune(),
    async close() {
      redis.disconnect();
      await fallback.close();
    },
  };
}
