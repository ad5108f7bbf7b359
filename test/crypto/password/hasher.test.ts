// The password hasher over its public functions: accepted hashes, rejected calls, and their cost.
// Cost is measured in processor time, which other work on the machine does not lengthen.
import { hashSync } from '@node-rs/argon2';
import { afterAll, describe, expect, test } from 'vitest';
import { Problem } from '../../../src/core/errors.ts';
import { createPasswordHasher } from '../../../src/crypto/password/hasher.ts';
import { processorMs } from '../../support/durations.ts';
import { expectEqualDurations } from '../../support/equal-time.ts';

const cheap = { memoryKib: 256, iterations: 1, parallelism: 1 };
const middling = { memoryKib: 4096, iterations: 2, parallelism: 1 };
/** Long enough for calls to wait. */
const slow = { memoryKib: 32_768, iterations: 2, parallelism: 1 };
const isOverloaded = () => false;
/** For a busy machine. */
const waitMilliseconds = 60_000;
const hasher = createPasswordHasher({
  threads: 2,
  queueLimit: 100,
  parameters: cheap,
  isOverloaded,
  waitMilliseconds,
});
const standard = createPasswordHasher({
  threads: 1,
  queueLimit: 100,
  isOverloaded,
  waitMilliseconds,
});

afterAll(() => Promise.all([hasher.close(), standard.close()]));

describe('hashing', () => {
  test('a password verifies against its own hash and no other', async () => {
    const hash = await hasher.hash('correct horse');
    expect(await hasher.verify(hash, 'correct horse')).toBe(true);
    expect(await hasher.verify(hash, 'Correct horse')).toBe(false);
  });

  test('the default is argon2id with 19 MiB, two iterations and one lane', async () => {
    const hash = await standard.hash('x');
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$]{22}\$[^$]{43}$/);
  });

  test('the same password never has the same hash twice', async () => {
    const hashes = await Promise.all(Array.from({ length: 16 }, () => hasher.hash('same')));
    expect(new Set(hashes).size).toBe(16);
  });

  test.each([
    ['the 73rd byte', `${'A'.repeat(72)}B`, `${'A'.repeat(72)}C`],
    ['surrounding spaces', ' Pass word9 ', 'Pass word9'],
    ['the characters after a NUL', 'before\0after', 'before\0other'],
    ['the Unicode form', 'p\u00e9', 'pe\u0301'],
    ['the last of 64 emoji', '🦊'.repeat(64), `${'🦊'.repeat(63)}🐻`],
  ])('%s makes a difference', async (_, password, other) => {
    const hash = await hasher.hash(password);
    expect(await hasher.verify(hash, password)).toBe(true);
    expect(await hasher.verify(hash, other)).toBe(false);
  });

  test('parameters that cannot be verified are rejected at the start', () => {
    const parameters = { memoryKib: 8_388_608, iterations: 2, parallelism: 1 };
    expect(() => createPasswordHasher({ threads: 1, queueLimit: 1, parameters })).toThrow(
      'could not be verified',
    );
  });
});

describe('formats of other systems', () => {
  test.each([
    [
      'argon2id',
      '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc',
    ],
    [
      'argon2i',
      '$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA',
    ],
  ])('the reference vector of %s verifies and needs a rehash', async (_, hash) => {
    await using other = createHasher({ threads: 1, queueLimit: 1, parameters: cheap });
    expect(await other.verify(hash, 'password')).toBe(true);
    expect(await other.verify(hash, 'passwore')).toBe(false);
    expect(other.needsRehash(hash)).toBe(true);
  });

  test.each([
    // Created with Python's hashlib, as Django does.
    ['pbkdf2_sha256$600000$seasalt$KfR90NP/PZuYb4KVwsE0nseOYqFCV1zJQwumly+wFrE=', 'lètmein$0'],
    ['pbkdf2_sha256$1000$NaCl0Salt$zNMDfCQ6ilUzr3rfr8HZRxcnV7HDTo4IHR9hHE10TvI=', 'Pass word9 '],
    [`argon2${hashSync('django', { memoryCost: 256, timeCost: 1 })}`, 'django'],
    [
      hashSync('argon2d', { algorithm: 0, memoryCost: 1024, timeCost: 3, parallelism: 8 }),
      'argon2d',
    ],
  ])('%s verifies and needs a rehash', async (hash, password) => {
    await using other = createHasher({ threads: 1, queueLimit: 1, parameters: cheap });
    expect(await other.verify(hash, password)).toBe(true);
    expect(await other.verify(hash, `${password}!`)).toBe(false);
    expect(other.needsRehash(hash)).toBe(true);
  });

  test('a hash is current only while its parameters are the ones in use', async () => {
    expect(hasher.needsRehash(await hasher.hash('x'))).toBe(false);
    expect(hasher.needsRehash(await standard.hash('x'))).toBe(true);
    expect(standard.needsRehash(await hasher.hash('x'))).toBe(true);
  });
});

const salt = 'c29tZXNhbHRzb21lc2FsdA';
const digest = 'CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
const unverifiable = {
  'no hash': undefined,
  'an empty one': '',
  "Django's unusable one": '!x',
  garbage: 'notahash',
  'absurd memory': `$argon2id$v=19$m=8388608,t=2,p=1$${salt}$${digest}`,
  'absurd iterations': `$argon2id$v=19$m=64,t=4000000000,p=1$${salt}$${digest}`,
  'much of both': `$argon2id$v=19$m=262144,t=4,p=1$${salt}$${digest}`,
  'too many lanes': `$argon2id$v=19$m=4096,t=1,p=64$${salt}$${digest}`,
  'less memory than lanes need': `$argon2id$v=19$m=64,t=1,p=16$${salt}$${digest}`,
  'another version': `$argon2id$v=17$m=64,t=1,p=1$${salt}$${digest}`,
  'a digest short enough to collide': `$argon2id$v=19$m=64,t=1,p=1$${salt}$CTFhFQ`,
  'broken base64': `$argon2id$v=19$m=64,t=1,p=1$${salt}x$${digest}`,
  'absurd PBKDF2': `pbkdf2_sha256$9000000$seasalt$${digest}=`,
  'absurd PBKDF2 of a PHC string': `$pbkdf2-sha512$i=999999999$${salt}$${digest}`,
  'absurd bcrypt': `$2b$31$${'A'.repeat(21)}.${'A'.repeat(30)}.`,
  'absurd scrypt': `$scrypt$ln=30,r=8,p=1$${salt}$${digest}`,
  'absurd scrypt of Firebase': `$fbscrypt$v=1,n=14,r=99999,p=1,ss=Bw==,sk=${digest}$${salt}$${digest}`,
  'absurd scrypt of Django': `scrypt$1073741824$salt$8$1$${'A'.repeat(86)}==`,
  'an absurd wrapped one': `argon2_wrapped_md5$salt$argon2id$v=19$m=8388608,t=2,p=1$${salt}$${digest}`,
  'a bare MD5 digest': '5f4dcc3b5aa765d61d8327deb882cf99', // of `password`
  'a salted SHA-1 digest': 'sha1$salt$59b3e8d637cf97edbe2384cf59cb7453dfe30789',
  'a megabyte': `$argon2id$v=19$m=64,t=1,p=1$${salt}$${'A'.repeat(1_000_000)}`,
} satisfies Record<string, string | undefined>;

describe('a hash that cannot be verified', () => {
  test.each(Object.entries(unverifiable))('%s gives false', async (_, hash) => {
    expect(await hasher.verify(hash, 'password')).toBe(false);
    expect(hasher.needsRehash(hash ?? '')).toBe(true);
  });

  test('costs as much as a wrong password', { timeout: 60_000 }, async () => {
    await using measured = createHasher({ threads: 1, queueLimit: 0, parameters: middling });
    const current = await measured.hash('right');
    const hashes = Object.entries({ 'a current hash': current, ...unverifiable });
    const ways = hashes.map(([name, hash]) => [name, () => measured.verify(hash, 'wrong')]);
    await expectEqualDurations(Object.fromEntries(ways), {
      tolerance: 0.25,
      milliseconds: 10_000,
      measure: processorMs,
    });
  });
});

describe('the queue', () => {
  test('accepts calls up to its capacity and rejects others at once', async () => {
    await using busy = createHasher({ parameters: slow, threads: 2, queueLimit: 3 });
    const results = await Promise.allSettled(Array.from({ length: 16 }, () => busy.hash('secret')));
    const refusals = results.flatMap((result) => ('reason' in result ? [result.reason] : []));
    expect(refusals).toHaveLength(11);
    for (const refusal of refusals) {
      expect(refusal).toBeInstanceOf(Problem);
      expect(refusal.retryAfterSeconds).toBeGreaterThanOrEqual(1);
      expect(Number.isInteger(refusal.retryAfterSeconds)).toBe(true);
      expect(String(refusal.stack)).not.toContain('secret');
    }
    await expect(busy.hash('secret')).resolves.toMatch(/^\$argon2id\$/);
  });

  test('gives the slot of an aborted call to the next one', async () => {
    await using busy = createHasher({ parameters: slow, threads: 1, queueLimit: 2 });
    const running = [busy.hash('first'), busy.hash('next')];
    const abort = new AbortController();
    const queued = busy.hash('second', abort.signal);
    await expect(busy.hash('third')).rejects.toBeInstanceOf(Problem);
    abort.abort();
    await expect(queued).rejects.toThrow('aborted');
    await expect(busy.hash('fourth')).resolves.toBeTypeOf('string');
    await Promise.all(running);
  });

  test('never computes an aborted call', async () => {
    await using busy = createHasher({ parameters: slow, threads: 1, queueLimit: 100 });
    await busy.hash('warm');
    const once = await processorMs(() => busy.hash('x'));
    const abort = new AbortController();
    const running = busy.hash('first');
    const queued = Array.from({ length: 100 }, () => busy.verify('', 'x', abort.signal));
    abort.abort();
    expect(await processorMs(() => Promise.allSettled([...queued, running]))).toBeLessThan(
      10 * once,
    );
    await expect(busy.hash('x', abort.signal)).rejects.toThrow('aborted');
  });

  test('a running computation survives its abort', async () => {
    await using busy = createHasher({ parameters: slow, threads: 1, queueLimit: 0 });
    const abort = new AbortController();
    const running = busy.hash('first', abort.signal);
    await expect(busy.hash('second')).rejects.toBeInstanceOf(Problem);
    abort.abort();
    await expect(running).resolves.toMatch(/^\$argon2id\$/);
  });

  test('closing waits for running calls, and rejects waiting and new ones', async () => {
    const closing = createPasswordHasher({
      threads: 2,
      queueLimit: 10,
      parameters: slow,
      isOverloaded,
    });
    const calls = Array.from({ length: 6 }, () => closing.hash('secret'));
    const settled = Promise.allSettled(calls);
    await closing.close();
    await closing.close();
    const statuses = (await settled).map((result) => result.status);
    // Two threads, and the next call of each.
    expect(statuses).toEqual([...Array(4).fill('fulfilled'), ...Array(2).fill('rejected')]);
    await expect(closing.hash('secret')).rejects.toThrow('The password hasher is closed.');
  });
});

function createHasher(options: Parameters<typeof createPasswordHasher>[0]) {
  const created = createPasswordHasher({ isOverloaded, waitMilliseconds, ...options });
  return { ...created, [Symbol.asyncDispose]: created.close };
}
