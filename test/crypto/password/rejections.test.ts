/** The duration of rejected comparisons while accounts have hashes of another cost. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPasswordHasher, type PasswordHasher } from '../../../src/crypto/password/hasher.ts';
import { foreignHashes, foreignPassword } from '../../support/foreign-hashes.ts';

const costly = foreignHashes['bcrypt of Django 3.2'];
const cheap = foreignHashes['pbkdf2-sha256 with a length'];

function createHasher(): PasswordHasher & AsyncDisposable {
  const hasher = createPasswordHasher({
    threads: 1,
    queueLimit: 100,
    parameters: { memoryKib: 64, iterations: 1, parallelism: 1 },
    isOverloaded: () => false,
  });
  return { ...hasher, [Symbol.asyncDispose]: hasher.close };
}

/** The load of the machine changes between two comparisons. Without a delay a rejection takes a hundredth. */
const loadFactor = 2;

/** Milliseconds. */
async function durationOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

describe('after a measurement of the hashes', () => {
  let hasher: PasswordHasher & AsyncDisposable;
  let current: string;
  /** The shortest duration of a comparison with the most expensive hash. */
  let costlyMs: number;
  beforeAll(async () => {
    hasher = createHasher();
    current = await hasher.hash('right');
    await hasher.measureRejections([cheap, costly, '!', current]);
    const durations: number[] = [];
    for (let round = 0; round < 3; round += 1)
      durations.push(await durationOf(() => hasher.verify(costly, foreignPassword)));
    costlyMs = Math.min(...durations);
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
    expect(await durationOf(verify)).toBeGreaterThan(costlyMs / loadFactor);
  });

  test('so does a right password that the caller rejects', async () => {
    const limit = {
      key: undefined,
      isRefusedAnyway: true,
      run: (compare: () => Promise<boolean>) => compare(),
    };
    const verify = () => hasher.verify(current, 'right', undefined, limit);
    expect(await verify()).toBe(true);
    expect(await durationOf(verify)).toBeGreaterThan(costlyMs / loadFactor);
  });

  test('a right password is not delayed, also while others are', async () => {
    const rejected = Array.from({ length: 10 }, () => hasher.verify(undefined, 'wrong'));
    expect(await durationOf(() => hasher.verify(current, 'right'))).toBeLessThan(costlyMs);
    await Promise.all(rejected);
  });

  test('an abort ends the delay with the result', async () => {
    const abort = new AbortController();
    let isDone = false;
    const rejected = hasher.verify(undefined, 'wrong', abort.signal).finally(() => {
      isDone = true;
    });
    await hasher.verify(current, 'right'); // the thread has computed the first one
    expect(isDone).toBe(false);
    abort.abort();
    expect(await durationOf(() => rejected)).toBeLessThan(costlyMs);
    expect(await rejected).toBe(false);
  });
});

test('a hash is measured once', async () => {
  await using hasher = createHasher();
  const first = await durationOf(() => hasher.measureRejections([costly]));
  expect(await durationOf(() => hasher.measureRejections([costly, costly]))).toBeLessThan(
    first / 10,
  );
});

/** They cost less than the most expensive one, in about 20 classes. */
const many = Array.from({ length: 300 }, (_, index) => {
  const digest = Buffer.alloc(32, 7).toString('base64');
  return `pbkdf2_sha256$${1000 + 100 * index}$salt$${digest}`;
});

test('beside hundreds of other costs only the most expensive one is measured, and decides', async () => {
  await using hasher = createHasher();
  await hasher.hash('password'); // starts the thread
  const alone = await durationOf(() => hasher.measureRejections([costly]));
  await using another = createHasher();
  await another.hash('password');
  const beside = await durationOf(() => another.measureRejections([...many, costly, ...many]));
  expect(beside).toBeLessThan(2 * alone);
  const costlyMs = await durationOf(() => another.verify(costly, foreignPassword));
  // Few at once: a full queue refuses comparisons.
  for (let first = 0; first < 90; first += 30) {
    const some = many.slice(first, first + 30);
    await Promise.all(some.map((hash) => another.verify(hash, 'wrong')));
  }
  await another.verify(undefined, 'wrong');
  expect(await durationOf(() => another.verify(undefined, 'wrong'))).toBeGreaterThan(
    costlyMs / loadFactor,
  );
});

test('hashes with nearly the same iterations are measured once', async () => {
  await using hasher = createHasher();
  const near = (iterations: number) => `pbkdf2_sha256$${iterations}$salt$${'A'.repeat(43)}=`;
  const varied = Array.from({ length: 200 }, (_, index) => near(400_000 + index));
  const first = await durationOf(() => hasher.measureRejections(varied.slice(0, 1)));
  expect(await durationOf(() => hasher.measureRejections(varied))).toBeLessThan(first / 2);
});

test('measurements leave a thread to others half of the time', async () => {
  await using hasher = createHasher();
  const current = await hasher.hash('right');
  const measured = hasher.measureRejections([costly]);
  const durations = [];
  for (let count = 0; count < 3; count += 1)
    durations.push(await durationOf(() => hasher.verify(current, 'right')));
  await hasher.verify(costly, foreignPassword);
  await measured;
  const costlyMs = await durationOf(() => hasher.verify(costly, foreignPassword));
  expect(Math.min(...durations)).toBeLessThan(costlyMs / 2);
});

test('a comparison that was not measured before delays the next rejection', async () => {
  await using hasher = createHasher();
  await hasher.verify(undefined, 'wrong');
  const before = await durationOf(() => hasher.verify(undefined, 'wrong'));
  const costlyMs = await durationOf(() => hasher.verify(costly, foreignPassword));
  expect(before).toBeLessThan(costlyMs);
  await hasher.verify(costly, 'wrong');
  expect(await durationOf(() => hasher.verify(undefined, 'wrong'))).toBeGreaterThan(before);
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
