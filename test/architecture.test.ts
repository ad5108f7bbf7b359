/** The direction of imports, and which floor may name which library. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** From the ground up: a file imports from its own place or from one below. */
const floors = [
  'src/rate-limit/limits.ts',
  'src/core/',
  'src/db/',
  'src/mail/',
  'src/rate-limit/',
  'src/features/answers.resolver.ts',
  'src/features/attempts/',
  'src/features/audit/',
  'src/features/access/',
  'src/features/users/',
  'src/features/one-time-passwords/',
  'src/features/registrations/',
  'src/features/sessions/',
  'src/features/accounts/',
  'src/features/administration/',
  'src/entities.ts',
  'src/services.ts',
  'src/house.ts',
  'src/api/',
  'src/app.ts',
  'src/cli/',
];

/** Where a library may be named; what is not listed here may be named anywhere. */
const libraries: readonly (readonly [library: RegExp, allowed: RegExp])[] = [
  [
    /^(@node-rs\/argon2|i18next|jose|piscina|prom-client|@opentelemetry|@zxcvbn-ts)/,
    /^src\/core\//,
  ],
  [/^@mikro-orm\//, /^src\/(db|features|mail)\//],
  [/^type-graphql$/, /(\.resolver\.ts|^src\/api\/schema\.ts)$/],
  [/^(@apollo|@as-integrations|fastify$|@fastify)/, /^src\/(api\/|app\.ts)/],
  [/^nodemailer$/, /^src\/mail\//],
  [/^(graphile-worker|kysely)$/, /^src\/db\//],
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

test('a library is named on its own floor only', () => {
  const strays = imports.filter(({ file, target }) =>
    libraries.some(([library, allowed]) => library.test(target) && !allowed.test(file)),
  );
  expect(strays).toEqual([]);
});

test('the environment is read in one file', () => {
  const readers = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && name !== join('core', 'config.ts'))
    .filter((name) => readFileSync(join(root, 'src', name), 'utf8').includes('process.env'));
  expect(readers).toEqual([]);
});

test('the test sees the imports that it judges', () => {
  expect(imports.length).toBeGreaterThan(100);
  expect(imports).toContainEqual({ file: 'src/app.ts', target: 'src/api/http.ts' });
});
