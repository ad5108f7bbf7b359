/** A running server learns the cost of new hashes of other systems before a login with one of them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hashSync, verifySync } from '@node-rs/bcrypt';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { administrationOf } from '../../support/administration.ts';
import { superuser } from '../../support/administrators.ts';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { processorMs, shortestMs } from '../../support/durations.ts';
import { foreignPassword } from '../../support/foreign-hashes.ts';
import { newAddress } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeEach(async () => {
  service = await startService({ environment: { RATE_LIMITS: 'off' } });
});
afterEach(() => service.close());

/** Some fifteen times as expensive as the rest of a request. */
const passwordHash = `bcrypt$${hashSync(foreignPassword, 10)}`;

/** The shortest of three, in milliseconds: other load of the machine only lengthens a duration. */
function rejectionMs(): Promise<number> {
  return shortestMs(async () => {
    const json = { email: newAddress(), password: 'wrong' };
    const { status } = await service.rest('POST', '/login/', { json });
    expect(status).toBe(401); // a busy service answers 503 at once
  });
}

/** The least processor time of a comparison with the new hash, in milliseconds: a lower bound of its duration. */
async function comparisonMs(): Promise<number> {
  const durations: number[] = [];
  for (let count = 0; count < 5; count += 1) {
    const bcrypt = passwordHash.replace(/^bcrypt\$/, '');
    durations.push(await processorMs(() => verifySync(foreignPassword, bcrypt)));
  }
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
    const newMs = await comparisonMs();
    await expect.poll(rejectionMs, { timeout: 30_000, interval: 50 }).toBeLessThan(newMs);
    await addHash();
    await expect.poll(rejectionMs, { timeout: 40_000, interval: 50 }).toBeGreaterThan(newMs);
  },
  90_000,
);
