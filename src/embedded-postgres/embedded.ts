/**
 * The embedded PostgreSQL, used when DATABASE_URL is not set. Each data directory has one server, which its processes
 * share. The last one stops it.
 */
import { access, constants } from 'node:fs/promises';
import { makePrivateDirectory } from '../core/private-directory.ts';
import { gatehouse } from './cluster.ts';
import { holdLease, readPassword } from './coordinator.ts';
import { type EmbeddedPaths, embeddedPaths, undefinedIfMissing } from './paths.ts';

/** A running server, which runs at least until `release`. */
export interface EmbeddedDatabase {
  /** `postgresql://gatehouse:<password>@127.0.0.1:<port>/gatehouse`; a secret. */
  readonly url: string;
  /** Stops the server unless another process uses it. Idempotent. */
  release(): Promise<void>;
}

interface EmbeddedOptions {
  /** Created with mode 700 if it does not exist. The database is in its directory `postgres/`. */
  readonly dataDirectory: string;
  /** PostgreSQL's settings. They override the defaults, except for address, port and socket, if this process starts the server. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called with a sentence for the operator when the server is lost or has another port. */
  readonly onNotice?: (text: string) => void;
}

/**
 * Acquires the embedded database of a data directory: creates it if needed, and starts it unless it runs.
 *
 * A crashed server is started again until the release, at the same port if that is free.
 * @throws Error with the remedy, when PostgreSQL cannot run here or does not start
 */
export async function acquireEmbeddedDatabase(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const paths = embeddedPaths(options.dataDirectory);
  assertPlatform();
  await prepareDirectory(paths);
  const { settings = {}, onNotice = () => undefined } = options;
  const { port, release } = await holdLease({ paths, settings, onNotice });
  const password = await readPassword(paths);
  return { url: `postgresql://${gatehouse}:${password}@127.0.0.1:${port}/${gatehouse}`, release };
}

/**
 * For commands that must not create a database.
 *
 * @throws Error with the remedy, when the directory has no embedded database
 */
export async function requireEmbeddedDatabase(dataDirectory: string): Promise<void> {
  if (await hasEmbeddedDatabase(dataDirectory)) return;
  throw new Error(
    `There is no database: DATABASE_URL is not set, and ${dataDirectory} holds no embedded database.\n` +
      'Start the service once (npx gatehouse serve), which creates the embedded database; or set DATABASE_URL, or ' +
      'set GATEHOUSE_DATA_DIR to the directory that the server uses.',
  );
}

/** True as well for a directory that cannot be read, because it may have a database. */
export async function hasEmbeddedDatabase(dataDirectory: string): Promise<boolean> {
  return access(embeddedPaths(dataDirectory).home).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
}

/** Windows lacks the signals and users that are needed here. */
function assertPlatform(): void {
  if (process.platform !== 'win32') return;
  throw new Error(
    'The embedded PostgreSQL runs on Linux and macOS: set DATABASE_URL to a PostgreSQL server.',
  );
}

async function prepareDirectory(paths: EmbeddedPaths): Promise<void> {
  const { R_OK, W_OK } = constants;
  try {
    await makePrivateDirectory(paths.dataDirectory);
    await access(paths.dataDirectory, R_OK | W_OK);
    for (const path of [paths.lockFile, paths.home, paths.passwordFile]) {
      await access(path, R_OK | W_OK).catch(undefinedIfMissing);
    }
  } catch (cause) {
    throw new Error(
      `${paths.dataDirectory} cannot be used as the data directory (${cause}). If another user created it, start gatehouse ` +
        'as that user; or choose another directory, or set DATABASE_URL to a PostgreSQL server.',
      { cause },
    );
  }
}
