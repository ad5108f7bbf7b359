/** Commands refuse input that is not UTF-8, and change nothing. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { goodPassword, newAddress, tryLogin } from '../support/people.ts';
import { makeScratchDirectory } from '../support/scratch.ts';
import { startService, type TestService } from '../support/service.ts';

let service: TestService;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());

const environment = () => ({
  ...environmentOf(service.database, service.mail),
  SECRET_KEY: service.app.config.secretKey ?? '',
});
const run = (args: readonly string[], input: Buffer | string = '') =>
  runCommand(args, { environment: environment(), input });
const password = `${goodPassword} größe`;
const fromStdin = (email: string) => [
  'createuser',
  '--active',
  '--noinput',
  '--password-stdin',
  '--email',
  email,
];

test.each([
  ['latin1', Buffer.from(`${password}\n`, 'latin1')],
  ['UTF-16', Buffer.from(`\ufeff${password}\n`, 'utf16le')],
])('a password in %s is refused', async (_encoding, input) => {
  const email = newAddress();
  const { code, stderr } = await run(fromStdin(email), input);
  expect(code).toBe(2);
  expect(stderr).toMatch(/The input is (not UTF-8|UTF-16): save it as UTF-8\./);
  expect(await service.database.query('select 1 from users where email = $1', [email])).toEqual([]);
});

test('a password in UTF-8 is accepted, with and without a byte order mark', async () => {
  for (const mark of ['', '\ufeff']) {
    const email = newAddress();
    expect(await run(fromStdin(email), `${mark}${password}\n`)).toMatchObject({ code: 0 });
    expect(await tryLogin(service, email, password)).toMatchObject({ __typename: 'TokenPair' });
  }
});

test('answers in a pipe are accepted only in UTF-8', async () => {
  const answers = (name: string) => `\n${newAddress()}\n${name}\nÖ\n${password}\n${password}\n`;
  const refused = await run(['createuser', '--active'], Buffer.from(answers('Zoë'), 'latin1'));
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('The input is not UTF-8');
  expect(await run(['createuser', '--active'], answers('Zoë'))).toMatchObject({ code: 0 });
  const rows = await service.database.query<{ first_name: string }>(
    `select first_name from users where last_name = 'Ö'`,
  );
  expect(rows).toEqual([{ first_name: 'Zoë' }]);
});

test('a manifest is UTF-8, with or without a byte order mark', async () => {
  const directory = makeScratchDirectory('apply');
  const file = join(directory, 'access.yaml');
  const text = 'groups:\n  Éditeurs:\n    description: Größe\n';
  writeFileSync(file, Buffer.from(text, 'latin1'));
  const refused = await run(['apply', '--file', file]);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('is not UTF-8') });
  expect(await run(['apply', '--file', '-'], Buffer.from(text, 'latin1'))).toMatchObject({
    code: 2,
  });
  writeFileSync(file, `\ufeff${text}`);
  expect(await run(['apply', '--file', file])).toMatchObject({ code: 0 });
  const rows = await service.database.query(
    `select description from groups where name = 'Éditeurs'`,
  );
  expect(rows).toEqual([{ description: 'Größe' }]);
});
