/** Where the package is, for its files that are no code: from src, dist and the bundle alike. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

function find(directory: string): string {
  return existsSync(join(directory, 'package.json')) ? directory : find(dirname(directory));
}

export const packageRoot = find(import.meta.dirname);

/** One of our modules, by its path without ending below `src`, or below `dist` where that runs. */
export function codeFile(path: string): string {
  const isSource = import.meta.filename.endsWith('.ts');
  return join(packageRoot, isSource ? 'src' : 'dist', `${path}${isSource ? '.ts' : '.js'}`);
}

export function packageVersion(): string {
  const file = join(packageRoot, 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string }; // our own file
  return version;
}
