/** The files of the embedded PostgreSQL inside the data directory. This file only computes names and touches no disk. */
import { join, resolve } from 'node:path';

/** All paths are absolute. */
export interface EmbeddedPaths {
  readonly dataDirectory: string;
  /** `<dataDirectory>/postgres`. It is renamed into place when it is complete. */
  readonly home: string;
  /** PostgreSQL's data directory, owned by the user that PostgreSQL runs as. */
  readonly cluster: string;
  readonly passwordFile: string;
  readonly logFile: string;
  /** Locked while a process creates the cluster, or starts or stops the server; see `file-lock.ts`. */
  readonly lockFile: string;
}

/** Unfinished clusters are directories beside `home` whose names begin with this prefix. */
export const draftPrefix = 'postgres.init-';

/** The paths of the embedded database of a data directory. */
export function embeddedPaths(dataDirectory: string): EmbeddedPaths {
  const root = resolve(dataDirectory);
  const home = join(root, 'postgres');
  return {
    dataDirectory: root,
    home,
    cluster: join(home, 'data'),
    passwordFile: join(home, 'password'),
    logFile: join(home, 'server.log'),
    lockFile: join(root, 'postgres.lock'),
  };
}

/** Maps ENOENT to `undefined` and throws other errors again: `readFile(path).catch(undefinedIfMissing)`. */
export function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
