/** The files and the version of the package. The paths are correct in src and in the bundle. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function findPackageRoot(directory: string): string {
  return existsSync(join(directory, 'package.json'))
    ? directory
    : findPackageRoot(dirname(directory));
}

const packageRoot = findPackageRoot(import.meta.dirname);

/** Without a build, Node.js runs the sources. */
const isSource = import.meta.filename.endsWith('.ts');

/**
 * The file of a module that a thread runs. `path` is relative to `src` and has no extension. After a build it is a
 * further entry of the bundle.
 */
export function codeFile(path: string): string {
  return join(packageRoot, isSource ? `src/${path}.ts` : `dist/bundle/${path}.js`);
}

/** Files and directories of packages that the service reads at run time. The build copies them to `dist/assets`. */
export const assetSources = {
  altair: 'node_modules/altair-static/build/dist',
  'common-passwords.json': 'node_modules/@zxcvbn-ts/language-common/src/passwords.json',
  'swagger-ui': 'node_modules/@fastify/swagger-ui/static',
} as const;

/** The path of a file or directory of a package. It is in node_modules without a build. */
export function assetPath(name: keyof typeof assetSources): string {
  return join(packageRoot, isSource ? assetSources[name] : `dist/assets/${name}`);
}

/** The GraphQL schema, in the SDL of a Federation 2 subgraph. */
export function schemaText(): string {
  return readFileSync(join(packageRoot, 'schema.graphql'), 'utf8');
}

export function packageVersion(): string {
  const file = join(packageRoot, 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }; // the package.json of the service
  return version;
}
