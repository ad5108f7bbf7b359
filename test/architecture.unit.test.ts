/** The direction of imports, and which floor may name which library. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** From the lowest floor up: a file imports from its own floor or from a lower one. */
const floors = [
  'src/core/',
  'src/crypto/password/parameters.ts',
  'src/config/',
  'src/i18n/',
  'src/observability/',
  'src/crypto/',
  'src/verify/',
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
  'src/features/one-time-passwords/',
  'src/features/registrations/',
  'src/features/sessions/',
  'src/features/authentication/',
  'src/features/profile/',
  'src/features/operations/',
  'src/features/administration/',
  'src/features/audit-log/',
  'src/features/access-manifest/',
  'src/bootstrap/entities.ts',
  'src/bootstrap/services.ts',
  'src/bootstrap/jobs.ts',
  'src/bootstrap/options.ts',
  'src/bootstrap/secret-key.ts',
  'src/bootstrap/database.ts',
  'src/bootstrap/infrastructure.ts',
  'src/bootstrap/app-context.ts',
  'src/api/http/',
  'src/api/graphql/',
  'src/api/rest/',
  'src/api/pages/',
  'src/api/ops/',
  'src/api/',
  'src/bootstrap/server.ts',
  'src/cli/',
];

/** Folders that import nothing of the product, apart from `src/core/`. */
const independent = ['src/core/', 'src/embedded-postgres/'];

/** Where a library may be named; what is not listed here may be named anywhere. */
const libraries: readonly (readonly [library: RegExp, allowed: RegExp])[] = [
  [/^(@node-rs\/argon2|jose|piscina|@zxcvbn-ts)/, /^src\/(crypto|verify)\//],
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

const imports: readonly Import[] = readdirSync(join(root, 'src'), {
  recursive: true,
  encoding: 'utf8',
})
  .filter((name) => name.endsWith('.ts'))
  .flatMap((name) => importsOf(join('src', name)));

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

function floorOf(file: string): number {
  const floor = floors.findIndex((prefix) => file.startsWith(prefix));
  if (floor < 0) throw new Error(`${file} stands on no floor: add it to the list`);
  return floor;
}

test('imports never run upward', () => {
  const upward = imports.filter(
    ({ file, target }) => target.startsWith('src/') && floorOf(target) > floorOf(file),
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

test('no file imports itself through others', () => {
  const targets = new Map<string, string[]>();
  for (const { file, target } of imports) {
    if (target.startsWith('src/')) targets.set(file, [...(targets.get(file) ?? []), target]);
  }
  const done = new Set<string>();
  const circles: string[][] = [];
  const walk = (file: string, path: readonly string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file]);
    if (done.has(file) || path.includes(file)) return;
    for (const target of targets.get(file) ?? []) walk(target, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) walk(file, []);
  expect(circles).toEqual([]);
});

test('a library is named on its own floor only', () => {
  const strays = imports.filter(({ file, target }) =>
    libraries.some(([library, allowed]) => library.test(target) && !allowed.test(file)),
  );
  expect(strays).toEqual([]);
});

test('the environment is read in one file', () => {
  const readers = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== join('config', 'config.ts'))
    .filter((name) => readFileSync(join(root, 'src', name), 'utf8').includes('process.env'));
  expect(readers).toEqual([]);
});

test('the test sees the imports that it judges', () => {
  expect(imports.length).toBeGreaterThan(100);
  expect(imports).toContainEqual({ file: 'src/bootstrap/server.ts', target: 'src/api/routes.ts' });
});
