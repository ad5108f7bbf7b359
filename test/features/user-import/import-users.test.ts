/** `import users` with files in our own format: accounts, hashes, counts. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf } from '../../support/command.ts';
import { runCommand } from '../../support/command-line.ts';
import { goodPassword, newAddress } from '../../support/people.ts';
import { makeScratchDirectory } from '../../support/scratch.ts';
import { startService, type TestService } from '../../support/service.ts';

let service: TestService;
beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

async function importPeople(people: readonly object[], options: readonly string[] = []) {
  const directory = makeScratchDirectory('import');
  const file = join(directory, 'people.jsonl');
  await writeFile(file, people.map((person) => `${JSON.stringify(person)}\n`).join(''));
  const result = await runCommand(['import', 'users', file, '--json', ...options], {
    environment: environmentOf(service.database, service.mail),
  });
  return { ...result, json: result.stdout === '' ? undefined : JSON.parse(result.stdout) };
}

test('an imported person logs in with the password of the other system', async () => {
  const email = newAddress();
  const passwordHash = await service.app.hasher.hash(goodPassword);
  const result = await importPeople([{ email, firstName: 'Ada', passwordHash }]);
  expect(result.stderr).toBe('');
  expect(result.json).toMatchObject({ read: 1, created: 1, refused: 0 });
  const answer = await service.rest('POST', '/login/', { json: { email, password: goodPassword } });
  expect(answer.status).toBe(200);
});
