/** A running server learns the cost of new hashes of other systems before a login with one of them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { verifySync } from '@node-rs/bcrypt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { superuser } from '../../support/administrators.ts';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { foreignHashes, foreignPassword } from '../../support/foreign-hashes.ts';
import { newAddress } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeEach(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
});
afterEach(() => service.close());

const passwordHash = foreignHashes['bcrypt of Django 3.2'];

/** The shortest of five, in milliseconds: other load of the machine lengthens few of them. */
async function rejectionMs(): Promise<number> {
  const durations = [];
  for (let count = 0; count < 5; count += 1) {
    const start = performance.now();
    const json = { email: newAddress(), password: 'wrong' };
    const { status } = await service.rest('POST', '/login/', { json });
    // A busy service answers 503 at once.
    if (status === 401) durations.push(performance.now() - start);
  }
  return durations.length > 0 ? Math.min(...durations) : Number.NaN;
}

/** The shortest of five comparisons with the new hash, in milliseconds. */
function comparisonMs(): number {
  const durations = Array.from({ length: 5 }, () => {
    const start = performance.now();
    verifySync(foreignPassword, passwordHash.replace(/^bcrypt\$/, ''));
    return performance.now() - start;
  });
  return Math.min(...durations);
}

test.each([
  [
    'an import',
    async () => {
      const file = join(makeScratchDirectory('import'), 'people.jsonl');
      await writeFile(file, `${JSON.stringify({ email: newAddress(), passwordHash })}\n`);
      const environment = environmentOf(service.database, service.mail);
      expect((await runCommand(['import', 'users', file], { environment })).code).toBe(0);
    },
  ],
  [
    'createUser',
    async () => {
      const created = await administrationOf(() => service).createUser(await superuser(service), {
        email: newAddress(),
        passwordHash,
      });
      expect(created.outcome).toBe('done');
    },
  ],
])(
  'after %s, rejections of unknown accounts take as long as the new hash',
  async (_, addHash) => {
    const newMs = comparisonMs();
    await expect.poll(rejectionMs, { timeout: 15_000, interval: 50 }).toBeLessThan(newMs);
    await addHash();
    await expect.poll(rejectionMs, { timeout: 40_000, interval: 50 }).toBeGreaterThan(newMs);
  },
  90_000,
);
