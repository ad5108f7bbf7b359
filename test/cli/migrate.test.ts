/** `migrate`. */
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { environmentOf, startServer } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test.concurrent('of two concurrent runs on an empty database one migrates it', async () => {
  const name = `${new URL(database.url).pathname.slice(1)}_empty`;
  await database.query(`create database ${name}`);
  const url = new URL(`/${name}`, database.url).href;
  const environment = { ...environmentOf(database), DATABASE_URL: url };
  try {
    const results = await Promise.all([
      runCommand(['migrate', '--json'], { environment }),
      runCommand(['--json', 'migrate'], { environment }),
    ]);
    for (const { code, stderr } of results)
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lists = results.map(({ stdout }) => JSON.parse(stdout).migrated);
    expect(lists.filter(({ length }) => length === 0)).toHaveLength(1);
    expect(lists.flat()).toContain('20261124000001-initial');
  } finally {
    await database.query(`drop database ${name} with (force)`);
  }
});

test.concurrent('a server names in its log the migrations that it applied', async () => {
  const name = `${new URL(database.url).pathname.slice(1)}_served`;
  await database.query(`create database ${name}`);
  const url = new URL(`/${name}`, database.url).href;
  const environment = { ...environmentOf(database), DATABASE_URL: url };
  try {
    const server = await startServer({ environment });
    const output = server.output();
    await server.end('SIGTERM');
    expect(output).toContain('database migrated');
    expect(output).toContain('20261124000001-initial');
  } finally {
    await database.query(`drop database ${name} with (force)`);
  }
});

test.concurrent('the environment is read from .env in the working directory', async () => {
  const directory = makeScratchDirectory('cli');
  const lines = Object.entries(environmentOf(database)).map(([name, value]) => `${name}=${value}`);
  await writeFile(join(directory, '.env'), lines.join('\n'));
  const result = await runCommand(['migrate'], { environment: {}, directory });
  const names = await readdir(directory);
  await rm(directory, { recursive: true });
  expect(result).toMatchObject({ code: 0, stdout: 'Nothing to do.\n', stderr: '' });
  expect(names).toEqual(['.env']);
});
