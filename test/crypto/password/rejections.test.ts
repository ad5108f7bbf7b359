/** The duration of rejected comparisons while accounts have hashes of another cost. */
import { hashSync } from '@node-rs/bcrypt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPasswordHasher, type PasswordHasher } from '../../../src/crypto/password/hasher.ts';
import { processorMs, shortestMs } from '../../support/durations.ts';
import { foreignHashes } from '../../support/foreign-hashes.ts';

/** Some twenty times as expensive as a current hash, and the most expensive one here. */
const costly = hashSync('right', 8);
const cheap = foreignHashes['pbkdf2-sha256 with a length'];

function createHasher(): PasswordHasher & AsyncDisposable {
  const hasher = createPasswordHasher({
    threads: 1,
    queueLimit: 100,
    parameters: { memoryKib: 64, iterations: 1, parallelism: 1 },
    isOverloaded: () => false,
    waitMilliseconds: 60_000, // for a busy machine
  });
  return { ...hasher, [Symbol.asyncDispose]: hasher.close };
}

/** The same work can take less processor time later. Without a delay a rejection takes a tenth at most. */
const loadFactor = 2;

/**
 * The least processor time of a comparison with the most expensive hash. It is a lower bound of the duration that the
 * hasher measures, however busy the machine is. The right password, because it is not measured for the delay.
 */
async function costlyMsOf(hasher: PasswordHasher): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < 3; count += 1)
    times.push(await processorMs(() => hasher.verify(costly, 'right')));
  return Math.min(...times);
}

/** Whether the first one ends before the second one. */
async function endsFirst(first: Promise<unknown>, second: Promise<unknown>): Promise<boolean> {
  const order: string[] = [];
  await Promise.all([
    first.then(() => order.push('first')),
    second.then(() => order.push('second')),
  ]);
  return order[0] === 'first';
}

describe('after a measurement of the hashes', () => {
  let hasher: PasswordHasher & AsyncDisposable;
  let current: string;
  let costlyMs: number;
  beforeAll(async () => {
    hasher = createHasher();
    current = await hasher.hash('right');
    await hasher.measureRejections([cheap, costly, '!', current]);
    costlyMs = await costlyMsOf(hasher);
  });
  afterAll(() => hasher[Symbol.asyncDispose]());

  test.each([
    ['no hash', () => undefined],
    ['an unusable hash', () => '!'],
    ['a current hash', () => current],
    ['a cheap hash of another system', () => cheap],
    ['the most expensive one', () => costly],
  ])('a wrong password for %s takes as long as for the most expensive one', async (_, hash) => {
    const verify = () => hasher.verify(hash(), 'wrong');
    expect(await verify()).toBe(false);
    expect(await shortestMs(verify)).toBeGreaterThan(costlyMs / loadFactor);
  });

  test('so does a right password that the caller rejects', async () => {
    const limit = {
      key: undefined,
      isRefusedAnyway: true,
      run: (compare: () => Promise<boolean>) => compare(),
    };
    const verify = () => hasher.verify(current, 'right', undefined, limit);
    expect(await verify()).toBe(true);
    expect(await shortestMs(verify)).toBeGreaterThan(costlyMs / loadFactor);
  });

  test('a right password is not delayed, also while others are', async () => {
    const isSooner = () => {
      const rejected = Array.from({ length: 3 }, () => hasher.verify(undefined, 'wrong'));
      return endsFirst(hasher.verify(current, 'right'), Promise.race(rejected));
    };
    // A busy machine can need longer for the four comparisons than the delay of the first one.
    await expect.poll(isSooner, { timeout: 20_000, interval: 0 }).toBe(true);
  });

  test('an abort ends the delay with the result', async () => {
    const isSooner = async () => {
      const other = hasher.verify(undefined, 'wrong');
      const abort = new AbortController();
      const rejected = hasher.verify(undefined, 'wrong', abort.signal);
      await hasher.verify(current, 'right'); // the thread has computed the other two
      abort.abort();
      const isAborted = await endsFirst(rejected, other);
      expect(await rejected).toBe(false);
      return isAborted;
    };
    await expect.poll(isSooner, { timeout: 20_000, interval: 0 }).toBe(true);
  });
});

/** Processor time of the measurement of the most expensive hash, with a thread that has started. */
async function measurementMs(hashes: readonly string[]): Promise<number> {
  await using hasher = createHasher();
  await hasher.hash('password');
  return await processorMs(() => hasher.measureRejections(hashes));
}

test('a hash is measured once', async () => {
  await using hasher = createHasher();
  await hasher.hash('password'); // starts the thread
  const first = await processorMs(() => hasher.measureRejections([costly]));
  const again = await processorMs(() => hasher.measureRejections([costly, costly]));
  expect(again).toBeLessThan(first / 3);
});

/** They cost less than the most expensive one, in about 20 classes. */
const many = Array.from({ length: 300 }, (_, index) => {
  const digest = Buffer.alloc(32, 7).toString('base64');
  return `pbkdf2_sha256$${100 + 10 * index}$salt$${digest}`;
});

test('beside hundreds of other costs only the most expensive one is measured, and decides', async () => {
  const alone = await measurementMs([costly]);
  await using hasher = createHasher();
  await hasher.hash('password');
  const all = [...many, costly, ...many];
  expect(await processorMs(() => hasher.measureRejections(all))).toBeLessThan(4 * alone);
  const costlyMs = await costlyMsOf(hasher);
  // Few at once: a full queue refuses comparisons.
  for (let first = 0; first < 90; first += 30) {
    const some = many.slice(first, first + 30);
    await Promise.all(some.map((hash) => hasher.verify(hash, 'wrong')));
  }
  const rejection = () => hasher.verify(undefined, 'wrong');
  expect(await shortestMs(rejection)).toBeGreaterThan(costlyMs / loadFactor);
});

test('hashes with nearly the same iterations are measured once', async () => {
  await using hasher = createHasher();
  await hasher.hash('password'); // starts the thread
  const near = (iterations: number) => `pbkdf2_sha256$${iterations}$salt$${'A'.repeat(43)}=`;
  const varied = Array.from({ length: 200 }, (_, index) => near(100_000 + index));
  const first = await processorMs(() => hasher.measureRejections(varied.slice(0, 1)));
  expect(await processorMs(() => hasher.measureRejections(varied))).toBeLessThan(first / 2);
});

test('measurements leave a thread to others half of the time', async () => {
  await using hasher = createHasher();
  const current = await hasher.hash('right');
  let isMeasured = false;
  const measured = hasher.measureRejections([costly]).finally(() => {
    isMeasured = true;
  });
  let count = 0;
  for (; !isMeasured; count += 1) await hasher.verify(current, 'right');
  await measured;
  // Without pauses one comparison is computed between two measurements.
  expect(count).toBeGreaterThan(8);
});

test('a comparison that was not measured before delays the next rejection', async () => {
  await using hasher = createHasher();
  const rejection = () => hasher.verify(undefined, 'wrong');
  await rejection();
  const costlyMs = await costlyMsOf(hasher);
  expect(await processorMs(rejection)).toBeLessThan(costlyMs);
  await expect.poll(() => shortestMs(rejection)).toBeLessThan(costlyMs / loadFactor);
  await hasher.verify(costly, 'wrong');
  expect(await shortestMs(rejection)).toBeGreaterThan(costlyMs / loadFactor);
});

test('the end of the hasher ends delays', async () => {
  await using hasher = createHasher();
  const current = await hasher.hash('right');
  await hasher.measureRejections([costly]);
  const rejected = hasher.verify(undefined, 'wrong');
  await hasher.verify(current, 'right');
  await hasher.close();
  expect(await rejected).toBe(false);
});
