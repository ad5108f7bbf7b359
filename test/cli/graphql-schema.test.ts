/** `schema` prints the GraphQL schema, without configuration and without a database. */
import { expect, test } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { schemaText } from '../support/operations.ts';

test('schema prints schema.graphql', async () => {
  const printed = await runCommand(['schema'], { environment: {} });
  expect(printed).toEqual({ code: 0, stdout: schemaText, stderr: '' });
});

test('schema --json prints it as JSON', async () => {
  const { stdout } = await runCommand(['schema', '--json'], { environment: {} });
  expect(JSON.parse(stdout)).toEqual({ sdl: schemaText });
});
