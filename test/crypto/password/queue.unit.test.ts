/** The queue of password computations: their order, their number at a time, and rejections. */
import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Problem } from '../../../src/core/errors.ts';
import {
  commandWaitMilliseconds,
  createHashQueue,
  type HashQueue,
} from '../../../src/crypto/password/queue.ts';
import { createEventLoopMonitor } from '../../../src/observability/event-loop.ts';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Adds jobs that run until `endFirst` ends the one that has run for the longest time. */
function jobsOf(queue: HashQueue) {
  const started: string[] = [];
  const ends: (() => void)[] = [];
  const add = (name: string, key?: string) =>
    queue.run({
      key,
      work: () => {
        started.push(name);
        return new Promise<void>((resolve) => ends.push(resolve));
      },
    });
  const endFirst = async () => {
    ends.shift()?.();
    await soon();
  };
  return { started, add, endFirst, running: () => ends.length };
}

test('waiting jobs start in their order', async () => {
  const queue = createHashQueue({ slots: 2, queueLimit: 20 });
  const { add, endFirst, started, running } = jobsOf(queue);
  const names = Array.from({ length: 16 }, (_, index) => `job ${index}`);
  const all = Promise.all(names.map((name) => add(name)));
  await soon();
  while (running() > 0) await endFirst();
  await all;
  expect(started).toEqual(names);
});

test('a new job does not overtake a waiting one when an overload ends', async () => {
  let isOverloaded = true;
  const queue = createHashQueue({ slots: 2, queueLimit: 9, isOverloaded: () => isOverloaded });
  const { add, endFirst, started, running } = jobsOf(queue);
  const all = [add('first'), add('waiting')];
  await soon();
  expect(started).toEqual(['first']);
  isOverloaded = false;
  all.push(add('new'));
  await soon();
  expect(started).toEqual(['first', 'waiting']);
  while (running() > 0) await endFirst();
  await Promise.all(all);
  expect(started).toEqual(['first', 'waiting', 'new']);
});

test.each([
  { slots: 1, whileOverloaded: 1 },
  { slots: 3, whileOverloaded: 2 },
])('$slots slots are $whileOverloaded while the event loop is overloaded', async (expected) => {
  let isOverloaded = false;
  const { slots, whileOverloaded } = expected;
  const queue = createHashQueue({ slots, queueLimit: 20, isOverloaded: () => isOverloaded });
  const { add, endFirst, running } = jobsOf(queue);
  const all = Promise.all(Array.from({ length: 12 }, (_, index) => add(`${index}`)));
  await soon();
  expect(running()).toBe(slots);
  isOverloaded = true;
  for (let ended = 0; ended < 3; ended += 1) await endFirst();
  expect(running()).toBe(whileOverloaded);
  isOverloaded = false;
  await endFirst();
  expect(running()).toBe(slots);
  while (running() > 0) await endFirst();
  await all;
  expect(queue.queueLength()).toBe(0);
});

test('jobs with the same key run one after the other, and other jobs do not wait for them', async () => {
  const queue = createHashQueue({ slots: 2, queueLimit: 20 });
  const { add, endFirst, started, running } = jobsOf(queue);
  const all = [add('a1', 'a'), add('a2', 'a'), add('a3', 'a'), add('b1', 'b'), add('other')];
  await soon();
  expect(started).toEqual(['a1', 'b1']);
  await endFirst();
  expect(started).toEqual(['a1', 'b1', 'a2']);
  await endFirst();
  expect(started).toEqual(['a1', 'b1', 'a2', 'other']);
  while (running() > 0) await endFirst();
  await Promise.all(all);
  expect(started.at(-1)).toBe('a3');
});

test('twenty jobs with the same key may wait, so that they leave places for others', async () => {
  const queue = createHashQueue({ slots: 4, queueLimit: 160 });
  const { add, endFirst, running } = jobsOf(queue);
  const own = Array.from({ length: 164 }, (_, index) => add(`own ${index}`, 'own'));
  const results = Promise.allSettled(own);
  const other = add('other', 'other');
  queue.reserveSlot()[Symbol.dispose]();
  await soon();
  while (running() > 0) await endFirst();
  await other;
  const refused = (await results).filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(164 - 1 - 20);
});

test.each([
  ['of a request', '3.5 seconds', undefined, 3_500],
  ['of a command', 'two minutes', commandWaitMilliseconds, 120_000],
])('a job %s that cannot start within %s is rejected, and others are not', async (...limits) => {
  const [, , waitMilliseconds, milliseconds] = limits;
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const queue = createHashQueue({ slots: 1, queueLimit: 9, waitMilliseconds });
  const { add, endFirst, started } = jobsOf(queue);
  const running = add('running');
  const early = add('early').catch((error: unknown) => error);
  vi.advanceTimersByTime(1000);
  const late = add('late');
  vi.advanceTimersByTime(milliseconds - 1000);
  expect(await early).toMatchObject({ code: 'OVERLOADED' });
  expect(queue.queueLength()).toBe(1);
  await endFirst();
  await endFirst();
  await Promise.all([running, late]);
  expect(started).toEqual(['running', 'late']);
});

test('jobs and reservations have the same limit', async () => {
  const queue = createHashQueue({ slots: 2, queueLimit: 1 });
  const { add, endFirst, running } = jobsOf(queue);
  const overloaded = expect.objectContaining({ code: 'OVERLOADED', retryAfterSeconds: 1 });
  const reservations = Array.from({ length: 3 }, () => queue.reserveSlot());
  expect(() => queue.reserveSlot()).toThrow(overloaded);
  reservations[0]?.[Symbol.dispose]();
  queue.reserveSlot();
  const all = [add('1'), add('2'), add('3')];
  await soon();
  await expect(add('4')).rejects.toEqual(overloaded);
  for (const reservation of reservations) reservation[Symbol.dispose]();
  expect(() => queue.reserveSlot()).toThrow(overloaded);
  while (running() > 0) await endFirst();
  await Promise.all(all);
  queue.reserveSlot()[Symbol.dispose]();
});

test('Retry-After is the time that the queue needs at the recent speed', async () => {
  const queue = createHashQueue({ slots: 2, queueLimit: 100 });
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  const take = (milliseconds: number) => async () => {
    now.mockReturnValue(now() + milliseconds);
  };
  for (let count = 0; count < 200; count += 1) await queue.run({ work: take(40) });
  const abort = new AbortController();
  const endless = Promise.withResolvers<void>();
  const work = () => endless.promise;
  const jobs = Array.from({ length: 102 }, () => queue.run({ work, signal: abort.signal }));
  const settled = Promise.allSettled(jobs);
  await expect(queue.run({ work })).rejects.toMatchObject({ retryAfterSeconds: 2 }); // 100 × 40 ms / 2
  abort.abort();
  endless.resolve();
  await settled;
});

test('a job that would miss the deadline at the recent speed is rejected at once', async () => {
  const queue = createHashQueue({ slots: 1, queueLimit: 100 });
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  for (let count = 0; count < 200; count += 1) {
    const work = async () => void now.mockReturnValue(now() + 1000);
    await queue.run({ work });
  }
  const { add, endFirst, running } = jobsOf(queue);
  const all = Promise.all(['1', '2', '3', '4'].map((name) => add(name)));
  const tooSlow = expect.objectContaining({ code: 'OVERLOADED', retryAfterSeconds: 3 });
  await expect(add('5')).rejects.toEqual(tooSlow);
  expect(() => queue.reserveSlot()).toThrow(tooSlow);
  await soon();
  while (running() > 0) await endFirst();
  await all;
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

describe('a job with a delay of its result', () => {
  /** A queue with one slot, and a job whose delay lasts until `endDelay`. */
  async function delayedJob() {
    const queue = createHashQueue({ slots: 1, queueLimit: 9 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const job = queue.run({ key: 'ada', work: async () => 'rejected', delay: () => promise });
    await soon();
    return { queue, job, endDelay: resolve };
  }

  test('frees its slot, and jobs with the same key wait for the delay', async () => {
    const { queue, job, endDelay } = await delayedJob();
    const { add, endFirst, started } = jobsOf(queue);
    const others = [add('same key', 'ada'), add('other key', 'bob')];
    await soon();
    expect(started).toEqual(['other key']);
    await endFirst();
    expect(started).toEqual(['other key']);
    endDelay();
    expect(await job).toBe('rejected');
    await soon();
    expect(started).toEqual(['other key', 'same key']);
    await endFirst();
    await Promise.all(others);
  });

  test('does not count in the capacity', async () => {
    const { queue, job, endDelay } = await delayedJob();
    const { add, endFirst } = jobsOf(queue);
    const others = Array.from({ length: 10 }, () => add('other'));
    await expect(add('one too many')).rejects.toBeInstanceOf(Problem);
    await soon();
    for (const _ of others) await endFirst();
    await Promise.all(others);
    endDelay();
    await job;
  });

  test('keeps no reservation during the delay', async () => {
    const queue = createHashQueue({ slots: 1, queueLimit: 0 });
    const { promise, resolve } = Promise.withResolvers<void>();
    const login = async () => {
      using _slot = queue.reserveSlot();
      await queue.run({ work: async () => false, delay: () => promise });
    };
    const logins = [login()];
    await soon();
    logins.push(login());
    await soon();
    {
      using _slot = queue.reserveSlot();
      expect(() => queue.reserveSlot()).toThrow(Problem);
    }
    resolve();
    await Promise.all(logins);
    using _slot = queue.reserveSlot();
    expect(() => queue.reserveSlot()).toThrow(Problem);
  });

  test('does not keep the queue open', async () => {
    const { queue, endDelay, job } = await delayedJob();
    await queue.close();
    endDelay();
    expect(await job).toBe('rejected');
  });

  test('of a failed job there is no delay', async () => {
    const queue = createHashQueue({ slots: 1, queueLimit: 9 });
    const delay = vi.fn(async () => undefined);
    const failing = queue.run({ work: () => Promise.reject(new Error('refused')), delay });
    await expect(failing).rejects.toThrow('refused');
    expect(delay).not.toHaveBeenCalled();
    expect(await queue.run({ work: async () => 'next' })).toBe('next');
  });
});
