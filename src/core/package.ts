/** The files and the version of the package. The paths are correct in src, in dist and in the bundle. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function findPackageRoot(directory: string): string {
  return existsSync(join(directory, 'package.json'))
    ? directory
    : findPackageRoot(dirname(directory));
}

const packageRoot = findPackageRoot(import.meta.dirname);

/** The file of a module. `path` is relative to `src` and has no extension; the file is in `dist` after a build. */
export function codeFile(path: string): string {
  const isSource = import.meta.filename.endsWith('.ts');
  return join(packageRoot, isSource ? 'src' : 'dist', `${path}${isSource ? '.ts' : '.js'}`);
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
