/**
 * Checks the source tree against docs/architecture.md: the direction of imports, the libraries of each
 * layer, the module of each feature, and the sizes of files and directories.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The layers, from the lowest up. A file imports from its own layer or from a lower one. */
const layers = [
  'src/core/',
  'src/crypto/password/parameters.ts',
  'src/crypto/access-token-algorithms.ts',
  'src/i18n/',
  'src/config/',
  'src/observability/',
  'src/crypto/',
  'src/embedded-postgres/',
  'src/database/',
  'src/jobs/',
  'src/mail/',
  'src/rate-limit/',
  'src/features/common-types.resolver.ts',
  'src/features/connection-types.resolver.ts',
  'src/features/audit/',
  'src/features/access/',
  'src/features/users/',
  'src/features/api-keys/',
  'src/features/one-time-passwords/',
  'src/features/registrations/',
  'src/features/sessions/',
  'src/features/authentication/',
  'src/features/profile/',
  'src/features/operations/',
  'src/features/administration/',
  'src/features/service-accounts/',
  'src/features/audit-log/',
  'src/features/access-manifest/',
  'src/features/user-import/',
  'src/features/user-export/',
  'src/features/nodes/',
  'src/features/oauth/',
  'src/bootstrap/entities.ts',
  'src/bootstrap/service-groups.ts',
  'src/bootstrap/services.ts',
  'src/bootstrap/jobs.ts',
  'src/bootstrap/options.ts',
  'src/bootstrap/secret-key.ts',
  'src/bootstrap/database.ts',
  'src/bootstrap/infrastructure.ts',
  'src/bootstrap/gauges.ts',
  'src/bootstrap/app-context.ts',
  'src/api/http/',
  'src/api/graphql/',
  'src/api/rest/',
  'src/api/pages/',
  'src/api/ops/',
  'src/api/oauth/',
  'src/api/',
  'src/bootstrap/server.ts',
  'src/cli/',
];

/** Directories that import no other directory of the product, except `src/core/`. */
const independent = ['src/core/', 'src/embedded-postgres/'];

/** The files that may import a library. A library that is not listed may be imported anywhere. */
const libraries: readonly (readonly [library: RegExp, allowed: RegExp])[] = [
  [/^(@node-rs\/|jose|piscina|@zxcvbn-ts)/, /^src\/crypto\//],
  [/^i18next/, /^src\/i18n\//],
  [/^(prom-client|@opentelemetry)/, /^src\/observability\//],
  [/^@mikro-orm\//, /^src\/(database|features|jobs|mail)\//],
  [/^type-graphql$/, /(\.resolver\.ts|^src\/api\/graphql\/schema\.ts)$/],
  [/^(@apollo|@as-integrations|fastify$|@fastify)/, /^src\/(api\/|bootstrap\/server\.ts)/],
  [/^nodemailer$/, /^src\/mail\//],
  [/^kysely$/, /^src\/database\//],
  [/^graphile-worker$/, /^src\/(jobs|database)\//],
  [/^ioredis$/, /^src\/rate-limit\//],
  [/^(yargs|@inquirer)/, /^src\/cli\//],
];

interface Import {
  readonly file: string;
  readonly target: string;
}

const sourceFiles: readonly string[] = readdirSync(join(root, 'src'), {
  recursive: true,
  encoding: 'utf8',
})
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('src', name));

const imports: readonly Import[] = sourceFiles.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\()'([^']+)'/g);
  return [...found].map(([, specifier = '']) => ({
    file,
    target: specifier.startsWith('.')
      ? relative(root, join(root, dirname(file), specifier))
      : specifier,
  }));
}

function layerOf(file: string): number {
  const layer = layers.findIndex((prefix) => file.startsWith(prefix));
  if (layer < 0) throw new Error(`${file} belongs to no layer: add it to the list`);
  return layer;
}

test('a file imports from its own layer or a lower one', () => {
  const upward = imports.filter(
    ({ file, target }) => target.startsWith('src/') && layerOf(target) > layerOf(file),
  );
  expect(upward).toEqual([]);
});

test('core imports only itself, and the embedded PostgreSQL only core', () => {
  const strays = imports.filter(
    ({ file, target }) =>
      target.startsWith('src/') &&
      independent.some((folder) => file.startsWith(folder) && !target.startsWith(folder)) &&
      !target.startsWith('src/core/'),
  );
  expect(strays).toEqual([]);
});

test('imports have no cycles', () => {
  const targets = new Map<string, string[]>();
  for (const { file, target } of imports) {
    if (target.startsWith('src/')) targets.set(file, [...(targets.get(file) ?? []), target]);
  }
  const done = new Set<string>();
  const cycles: string[][] = [];
  const walk = (file: string, path: readonly string[]) => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file]);
    if (done.has(file) || path.includes(file)) return;
    for (const target of targets.get(file) ?? []) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) walk(file, []);
  expect(cycles).toEqual([]);
});

test('a library is imported in its own layer only', () => {
  const strays = imports.filter(({ file, target }) =>
    libraries.some(([library, allowed]) => library.test(target) && !allowed.test(file)),
  );
  expect(strays).toEqual([]);
});

test('the environment is read in one file', () => {
  const readers = sourceFiles.filter(
    (file) =>
      file !== 'src/config/config.ts' &&
      readFileSync(join(root, file), 'utf8').includes('process.env'),
  );
  expect(readers).toEqual([]);
});

/**
 * The files that may use the clock of the machine. Stored times and comparisons with them use the clock of the
 * database: `src/database/clock.ts`, or `now()` in SQL.
 */
const machineTime = [
  'src/cli/context.ts', // the operator has no stored times
  'src/cli/commands/import/reader-options.ts', // bans in files of other systems
  'src/cli/io.ts', // progress of a command
  'src/database/clock.ts',
  'src/embedded-postgres/', // modification times of files
  'src/mail/cause.ts', // shown in mails
  'src/mail/dev-mailbox.ts', // mails of development
  'src/mail/smtp.ts', // nodemailer compares the expiry of the OAuth token
  'src/rate-limit/', // the store compares the times of buckets with its own clock
];

test('stored times are compared with the clock of the database', () => {
  const strays = sourceFiles.filter(
    (file) =>
      !machineTime.some((allowed) => file.startsWith(allowed)) &&
      /\bDate\.now\b|\bnew Date\(\)/.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(strays).toEqual([]);
});

test('each feature has a module, and services.ts calls it', () => {
  const features = readdirSync(join(root, 'src/features'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `src/features/${name}/${name}.module.ts`);
  const called = imports
    .filter(({ file }) => file === 'src/bootstrap/services.ts')
    .map(({ target }) => target);
  expect(called).toEqual(expect.arrayContaining(features));
});

test('a directory has at most 15 files, except the migrations', () => {
  const counts = new Map<string, number>();
  for (const file of sourceFiles) {
    const directory = dirname(file);
    counts.set(directory, (counts.get(directory) ?? 0) + 1);
  }
  counts.delete('src/database/migrations');
  expect([...counts].filter(([, count]) => count > 15)).toEqual([]);
});

test('no file has more than 300 lines', () => {
  expect(sourceFiles.filter((file) => linesOf(file) > 300)).toEqual([]);
});

test('at most a fifth of the files have less than 40 lines', () => {
  const small = sourceFiles.filter((file) => linesOf(file) < 40);
  expect(small.length / sourceFiles.length).toBeLessThanOrEqual(0.2);
});

function linesOf(file: string): number {
  return readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length;
}

test('the test finds the imports that it checks', () => {
  expect(imports.length).toBeGreaterThan(100);
  expect(imports).toContainEqual({ file: 'src/bootstrap/server.ts', target: 'src/api/routes.ts' });
});
