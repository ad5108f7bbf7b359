/** The number of parallel computations: one for each slot, and a single one while the event loop is overloaded. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { createHashQueue } from '../../../src/crypto/password/queue.ts';
import { createEventLoopMonitor } from '../../../src/observability/event-loop.ts';
import { until } from '../../support/until.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

test('one computation at a time while overloaded, all slots afterwards, and every waiting one runs', async () => {
  let isOverloaded = false;
  const admission = createHashQueue({
    slots: 3,
    queueLimit: 100,
    isOverloaded: () => isOverloaded,
  });
  const underWay: (() => void)[] = [];
  let done = 0;
  const begin = () =>
    admission
      .run(() => new Promise<void>((resolve) => underWay.push(resolve)), undefined)
      .then(() => {
        done += 1;
      });
  const works = Array.from({ length: 12 }, begin);
  const endOne = async () => {
    underWay.shift()?.();
    await soon();
  };
  await soon();
  expect(underWay).toHaveLength(3);
  isOverloaded = true;
  await endOne();
  await endOne();
  await until(() => underWay.length === 1);
  await endOne();
  expect(underWay).toHaveLength(0); // cooldown
  await until(() => underWay.length === 1);
  isOverloaded = false;
  await endOne();
  expect(underWay).toHaveLength(3);
  while (underWay.length > 0) await endOne();
  await Promise.all(works);
  expect(done).toBe(12);
  expect(admission.queueLength()).toBe(0);
  await admission.close();
});

test('during an overload a cooldown of twice its duration follows each computation, and closing does not wait for it', async () => {
  const admission = createHashQueue({ slots: 2, queueLimit: 2, isOverloaded: () => true });
  const started: number[] = [];
  const work = async () => {
    started.push(performance.now());
    await sleep(30);
  };
  await Promise.all([admission.run(work, undefined), admission.run(work, undefined)]);
  const [first = 0, second = 0] = started;
  expect(second - first).toBeGreaterThanOrEqual(85); // 30 and 60, with the precision of timers
  const last = admission.run(() => sleep(30), undefined);
  await until(() => admission.queueLength() === 0);
  const closedAt = performance.now();
  await admission.close();
  await last;
  expect(performance.now() - closedAt).toBeLessThan(60);
});

test('a cooldown does not reduce the capacity', async () => {
  const admission = createHashQueue({ slots: 2, queueLimit: 1, isOverloaded: () => true });
  const underWay: (() => void)[] = [];
  const begin = () =>
    admission.run(() => new Promise<void>((resolve) => underWay.push(resolve)), undefined);
  const first = begin();
  await soon();
  underWay.shift()?.();
  await first;
  const next = [begin(), begin(), begin()]; // all wait for the end of the cooldown
  await expect(begin()).rejects.toMatchObject({ code: 'OVERLOADED' });
  const all = Promise.all(next);
  for (let left = 3; left > 0; left -= 1) {
    await until(() => underWay.length === 1);
    underWay.shift()?.();
  }
  await all;
  await admission.close();
});

test('when computations become slower, the last waiting ones are rejected at once, the first ones stay', async () => {
  let isOverloaded = false;
  const admission = createHashQueue({
    slots: 1,
    queueLimit: 100,
    isOverloaded: () => isOverloaded,
  });
  for (let works = 0; works < 16; works += 1) await admission.run(() => sleep(60), undefined);
  const first = Promise.withResolvers<void>();
  const running = admission.run(() => first.promise, undefined);
  const endless = Promise.withResolvers<void>();
  const started: number[] = [];
  const refused: number[] = [];
  const over = new AbortController();
  const work = (index: number) => () => {
    started.push(index);
    return endless.promise;
  };
  const waiting = Array.from({ length: 60 }, (_, index) =>
    admission.run(work(index), over.signal).catch((error: { code?: string }) => {
      if (error.code === 'OVERLOADED') refused.push(index);
    }),
  );
  await sleep(50);
  isOverloaded = true;
  first.resolve();
  await until(() => admission.queueLength() === 20);
  expect(started).toEqual([0]);
  expect(refused.slice(0, 2)).toEqual([58, 59]);
  expect(refused.toSorted((one, other) => one - other)).toEqual(
    Array.from({ length: 39 }, (_, index) => index + 21),
  );
  over.abort();
  endless.resolve();
  await Promise.all([running, ...waiting]);
  await admission.close();
});

test('a rejection has a retry time within the expected duration of the queue', async () => {
  const admission = createHashQueue({ slots: 1, queueLimit: 500, isOverloaded: () => true });
  const endless = Promise.withResolvers<void>();
  const gone = new AbortController();
  await admission.run(() => sleep(400), undefined); // a slow recent computation
  const all = Array.from({ length: 501 }, () => admission.run(() => endless.promise, gone.signal));
  const settled = Promise.allSettled(all);
  await expect(admission.run(() => sleep(0), undefined)).rejects.toMatchObject({
    code: 'OVERLOADED',
    retryAfterSeconds: 4,
  });
  gone.abort();
  endless.resolve();
  await settled;
});

test('the event loop is overloaded after a quarter of a second of nearly full utilization', () => {
  const utilization = vi.spyOn(performance, 'eventLoopUtilization');
  const now = vi.spyOn(performance, 'now');
  const look = (share: number, at: number) => {
    utilization.mockReturnValue({ idle: 0, active: 0, utilization: share });
    now.mockReturnValue(at);
    return isOverloaded();
  };
  now.mockReturnValue(0);
  const isOverloaded = createEventLoopMonitor();
  expect(look(0.95, 100)).toBe(false); // too early to decide
  expect(look(0.95, 300)).toBe(true);
  expect(look(0.1, 400)).toBe(true);
  expect(look(0.8, 600)).toBe(false);
});
