/** The delay of rejected comparisons: its length, its end, and the costs that it remembers. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createRejectionDelay,
  type RejectionDelay,
} from '../../../src/crypto/password/rejection-delay.ts';

let now = 0;
let rejections: RejectionDelay;
beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  rejections = createRejectionDelay(() => now);
});
afterEach(() => {
  vi.useRealTimers();
});

/** The length of the delay after a comparison of this duration; 0 without a delay. */
async function delayAfter(milliseconds: number): Promise<number> {
  const delay = rejections.delay(milliseconds, undefined);
  if (!delay) return 0;
  const start = Date.now();
  vi.advanceTimersToNextTimer();
  await delay;
  return Date.now() - start;
}

const addAll = (costClass: string, durations: readonly number[]) => {
  for (const duration of durations) rejections.add(costClass, duration);
};
const minutes = (count: number) => count * 60_000;

describe('the length', () => {
  test('is zero while all hashes are current ones', async () => {
    expect(await delayAfter(20)).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('completes the duration of the most expensive class, with a margin', async () => {
    addAll('pbkdf2', [40, 40, 40]);
    addAll('bcrypt 12', [300, 300, 300]);
    expect(await delayAfter(20)).toBe(310);
    expect(await delayAfter(40)).toBe(290);
    expect(await delayAfter(300)).toBe(30);
    expect(await delayAfter(330)).toBe(0);
    expect(await delayAfter(1000)).toBe(0);
  });

  test('follows all but the longest of the latest 16 durations', async () => {
    addAll('bcrypt 12', [900, 800, ...Array<number>(14).fill(300)]);
    expect(await delayAfter(0)).toBe(880);
    addAll('bcrypt 12', [300]);
    expect(await delayAfter(0)).toBe(330);
    addAll('bcrypt 12', [1000]);
    expect(await delayAfter(0)).toBe(330);
  });

  test('is bounded', async () => {
    addAll('bcrypt 14', [60_000, 60_000]);
    expect(await delayAfter(0)).toBe(1500);
  });
});

describe('a cost', () => {
  test('is forgotten an hour after its last use', async () => {
    addAll('bcrypt 12', [300]);
    now += minutes(50);
    addAll('bcrypt 12', [300]);
    now += minutes(50);
    expect(await delayAfter(0)).toBe(330);
    now += minutes(11);
    expect(await delayAfter(0)).toBe(0);
    expect(rejections.renew('bcrypt 12')).toBe(false);
  });

  test('that is renewed is kept for another hour', async () => {
    addAll('bcrypt 12', [300]);
    now += minutes(50);
    expect(rejections.renew('bcrypt 12')).toBe(true);
    expect(rejections.renew('bcrypt 14')).toBe(false);
    now += minutes(50);
    expect(await delayAfter(0)).toBe(330);
  });

  test('is forgotten beyond a hundred if it is the cheapest one', async () => {
    addAll('bcrypt 12', [1000]);
    addAll('cheapest', [5]);
    for (let index = 0; index < 99; index += 1) addAll(`pbkdf2 ${index}`, [10 + index]);
    expect(rejections.renew('cheapest')).toBe(false);
    for (let index = 0; index < 200; index += 1) addAll(`other ${index}`, [20]);
    expect(rejections.renew('bcrypt 12')).toBe(true);
    expect(await delayAfter(0)).toBe(1100);
  });
});

describe('the end', () => {
  test.each([
    ['an abort', (abort: AbortController) => abort.abort()],
    ['the end of all delays', () => rejections.end()],
  ])('%s ends a delay, and leaves no timer', async (_, end) => {
    addAll('bcrypt 12', [300]);
    const abort = new AbortController();
    const delay = rejections.delay(0, abort.signal);
    expect(vi.getTimerCount()).toBe(1);
    end(abort);
    await delay;
    expect(vi.getTimerCount()).toBe(0);
    expect(rejections.delay(0, abort.signal)).toBeUndefined();
  });
});
