/** Tables at a terminal fit its width; output in a pipe is complete. */

import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { environmentOf, findTerminal, type Variables } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { runInShell } from '../support/shell.ts';

const longName = 'Wolfeschlegelsteinhausenbergerdorff 名前 '.repeat(3).trim();
const email = `${'long-address-'.repeat(4)}x@example.com`;

let database: TestDatabase;
let environment: Variables;
beforeAll(async () => {
  database = await createTestDatabase();
  environment = environmentOf(database);
  await database.query(
    `insert into users (id, email, first_name, last_name, status, is_staff, is_superuser, created_at, updated_at)
     values (gen_random_uuid(), $1, $2, $2, 'ACTIVE', true, false, now(), now())`,
    [email, longName],
  );
});
afterAll(() => database.drop());

const hasTerminal = findTerminal()?.('')[0] === 'script';

describe.runIf(hasTerminal)('at a terminal', () => {
  test.each([60, 100, 160])(
    'of %i columns every line fits, and an ellipsis shows what is cut',
    async (width) => {
      const script = `script -qec 'stty cols ${width}; gatehouse users list' /dev/null`;
      const result = await runInShell('bash', script, { environment });
      const lines = stripVTControlCharacters(result.stdout).trimEnd().split(/\r?\n/);
      expect(lines).toHaveLength(2);
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(width);
      expect(lines[1]).toContain('…');
    },
  );
});

describe('in a pipe nothing is cut', () => {
  test.each([[], ['--format', 'csv'], ['--json']])('users list %s', async (...options) => {
    const { stdout } = await runCommand(['users', 'list', ...options], { environment });
    expect(stdout).toContain(email);
    expect(stdout).toContain(longName);
    expect(stdout).not.toContain('…');
  });
});

describe('every list has titles and takes --format', () => {
  test.each([
    'users list',
    `sessions list ${email}`,
    'groups list',
    'permissions list',
    'registrations list',
    'keys list',
    'mail list',
    'rate-limits show',
    'audit tail',
  ])('%s', async (command) => {
    const [table, csv, json] = await Promise.all(
      ['table', 'csv', 'json'].map((format) =>
        runCommand([...command.split(' '), '--format', format], { environment }),
      ),
    );
    expect(table).toMatchObject({ code: 0, stderr: '' });
    expect(table?.stdout).toMatch(/^[A-Z]+ {2,}/);
    expect(csv?.stdout).toMatch(/^[a-zA-Z]+,/);
    const lines = json?.stdout.trim() ?? '';
    expect(() =>
      JSON.parse(command === 'audit tail' ? `[${lines.replaceAll('\n', ',')}]` : lines),
    ).not.toThrow();
  });
});
