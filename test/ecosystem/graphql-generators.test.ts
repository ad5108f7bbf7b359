/** Code that published generators make of the schema: it is type-checked, and its requests reach a service. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { installPackages } from '../support/install-packages.ts';
import { schemaText } from '../support/operations.ts';
import { somebody } from '../support/people.ts';
import { createApplication, load, watchRequests } from '../support/recipes.ts';
import { startService, type TestService } from '../support/service.ts';

let folder: string;
let service: TestService;

beforeAll(async () => {
  folder = installPackages(fileURLToPath(new URL('./graphql-generators', import.meta.url)));
  service = await startService();
  return () => service.close();
}, 300_000);
afterEach(() => {
  vi.restoreAllMocks();
});

const run = promisify(execFile);

/** Executes a command of a package. */
async function execute(command: string, args: readonly string[], cwd: string): Promise<void> {
  const path = join(folder, 'node_modules', command);
  try {
    await run(process.execPath, [path, ...args], { cwd });
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout?: string; readonly stderr?: string };
    throw new Error(`${command} failed: ${stdout} ${stderr}`);
  }
}

const compilerOptions = {
  strict: true,
  noEmit: true,
  target: 'es2022',
  module: 'esnext',
  moduleResolution: 'bundler',
  skipLibCheck: true,
};

test('the client preset of GraphQL Code Generator: types, and documents by id', async () => {
  const directory = createApplication(folder, {
    'schema.graphql': schemaText,
    'codegen.json': JSON.stringify({
      schema: 'schema.graphql',
      documents: ['src/*.ts'],
      config: { useTypeImports: true },
      generates: { './gql/': { preset: 'client', presetConfig: { persistedDocuments: true } } },
    }),
    'tsconfig.json': JSON.stringify({ compilerOptions, include: ['src', 'gql'] }),
    'src/main.ts': `import type { ResultOf } from '@graphql-typed-document-node/core';
      import { graphql } from '../gql';
      const me = graphql(\`query Me { me { id email fullName } }\`);
      export const nameOf = ({ me: user }: ResultOf<typeof me>): string => user.fullName;
      // @ts-expect-error the document does not select it
      export const statusOf = ({ me: user }: ResultOf<typeof me>) => user.status;`,
  });
  await execute('@graphql-codegen/cli/cjs/bin.js', ['--config', 'codegen.json'], directory);
  await execute('typescript/bin/tsc', ['-p', '.'], directory);
  const { MeDocument } = load(directory, join(directory, 'gql/graphql.ts'));

  const { database, mail } = service;
  const environment = { TRUSTED_DOCUMENTS: join(directory, 'gql/persisted-documents.json') };
  await using trusting = await startService({ database, mail, environment });
  const { Client, fetchExchange } = load(folder, '@urql/core');
  const { persistedExchange } = load(folder, '@urql/exchange-persisted');
  const { accessToken, email } = await somebody(service);
  const persisted = persistedExchange({
    enforcePersistedQueries: true,
    generateHash: async (_text: string, document: typeof MeDocument) => document.__meta__.hash,
  });
  const client = new Client({
    url: `${trusting.address}/graphql`,
    exchanges: [persisted, fetchExchange],
    fetchOptions: { headers: { authorization: `Bearer ${accessToken}` } },
  });
  const requests = watchRequests();
  const result = await client.query(MeDocument, {}).toPromise();
  expect([result.error, result.data?.me.email]).toEqual([undefined, email]);
  expect(requests().map(({ text }) => text.includes('sha256:'))).toEqual([true]);
  expect(requests(/query Me/)).toEqual([]);
});

test('gql.tada: the schema by introspection, and types', async () => {
  const plugin = {
    name: 'gql.tada/ts-plugin',
    schema: './schema.graphql',
    tadaOutputLocation: './src/graphql-env.d.ts',
  };
  const options = { ...compilerOptions, plugins: [plugin] };
  const directory = createApplication(folder, {
    'tsconfig.json': JSON.stringify({ compilerOptions: options, include: ['src'] }),
    'src/main.ts': `import { initGraphQLTada, type ResultOf } from 'gql.tada';
      import type { introspection } from './graphql-env.d.ts';
      const graphql = initGraphQLTada<{ introspection: introspection; scalars: { DateTime: string } }>();
      const me = graphql(\`query Me { me { id createdAt groups { name } } }\`);
      export const namesOf = ({ me: user }: ResultOf<typeof me>): string[] =>
        user.groups.map(({ name }) => name);
      export const createdOf = ({ me: user }: ResultOf<typeof me>): string => user.createdAt;
      // @ts-expect-error the document does not select it
      export const statusOf = ({ me: user }: ResultOf<typeof me>) => user.status;`,
  });
  const tada = 'gql.tada/bin/cli.js';
  const url = `${service.address}/graphql`;
  await execute(tada, ['generate-schema', url, '--output', './schema.graphql'], directory);
  expect(readFileSync(join(directory, 'schema.graphql'), 'utf8')).toContain('type User');
  await execute(tada, ['generate-output'], directory);
  await execute('typescript/bin/tsc', ['-p', '.'], directory);
});

test('genql: a client by introspection, and its requests', async () => {
  const directory = createApplication(folder, {});
  const url = `${service.address}/graphql`;
  const args = ['--endpoint', url, '--output', './client'];
  await execute('@genql/cli/dist/cli.js', args, directory);
  const { createClient } = await import(join(directory, 'client/index.ts'));
  const { accessToken, email } = await somebody(service);
  const client = createClient({ url, headers: { authorization: `Bearer ${accessToken}` } });
  const { me } = await client.query({ me: { email: true, groups: { name: true } } });
  expect(me).toEqual({ email, groups: [] });
  const refused = createClient({ url, headers: { authorization: 'Bearer x' } });
  await expect(refused.query({ me: { id: true } })).rejects.toThrow('UNAUTHENTICATED');
});
