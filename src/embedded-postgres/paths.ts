/** Where the embedded PostgreSQL keeps its files inside the data directory. It knows names only and touches no disk. */
import { join, resolve } from 'node:path';

/** The embedded database's files, as absolute paths. */
export interface Place {
  readonly dataDirectory: string;
  /** `<dataDirectory>/postgres`: appears in one rename, so where it exists it is complete. */
  readonly home: string;
  /** The cluster: what PostgreSQL calls its data directory; owned by whom it runs as. */
  readonly cluster: string;
  readonly passwordFile: string;
  readonly logFile: string;
  /** Locked while a process sets up, starts or stops the server; see `file-lock.ts`. */
  readonly lockFile: string;
}

/** Unfinished clusters are directories beside `home` whose names begin so. */
export const DRAFT_PREFIX = 'postgres.init-';

/** Names the embedded database's files under a data directory. */
export function placeIn(dataDirectory: string): Place {
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

/** Turns "there is no such file" into `undefined`, and throws what is wrong otherwise: `readFile(path).catch(undefinedIfMissing)`. */
export function undefinedIfMissing(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
