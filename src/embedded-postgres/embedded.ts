/** The embedded PostgreSQL, for those who give no DATABASE_URL: one server per data directory, shared by all processes that use it, gone with the last. What is stored in it is not known here. */
import { access, constants } from 'node:fs/promises';
import { makePrivateDirectory } from '../core/private-directory.ts';
import { GATEHOUSE } from './cluster.ts';
import { doorTo, keepMembership, readPassword } from './coordinator.ts';
import { type Place, placeIn, undefinedIfMissing } from './paths.ts';

/** A running server that stays up at least until `leave`. */
export interface EmbeddedDatabase {
  /** `postgresql://gatehouse:<password>@127.0.0.1:<port>/gatehouse`; a secret. */
  readonly url: string;
  /** Gives the server up, and stops it if nobody else uses it; can be called again. */
  leave(): Promise<void>;
}

/** Where the database lies and how it runs. */
interface EmbeddedOptions {
  /** Made with mode 700 if it is not there; the database goes into `postgres/` below it. */
  readonly dataDirectory: string;
  /** PostgreSQL's settings, over ours; address, port and socket stay ours. They count for whoever starts the server. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told in a sentence when the server is lost or has moved. */
  readonly onNotice?: (text: string) => void;
}

/**
 * Joins the embedded database of a data directory: sets it up at the first time, starts it unless it runs, and keeps it running.
 *
 * A crashed server is started again, at the same port if that is free, while a member lives.
 * Throws an Error that tells the operator what to do when PostgreSQL cannot run here or does not start.
 */
export async function joinEmbeddedDatabase(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const place = placeIn(options.dataDirectory);
  assertPlatform();
  await prepareDirectory(place);
  const { settings = {}, onNotice = () => undefined } = options;
  const { port, leave } = await keepMembership(doorTo({ place, settings, onNotice }));
  const password = await readPassword(place);
  return { url: `postgresql://${GATEHOUSE}:${password}@127.0.0.1:${port}/${GATEHOUSE}`, leave };
}

/**
 * Refuses to go on without a database, for those who may not make one.
 *
 * @throws Error that names the directory and says how the database is made
 */
export async function requireEmbeddedDatabase(dataDirectory: string): Promise<void> {
  if (await hasEmbeddedDatabase(dataDirectory)) return;
  throw new Error(
    `There is no database: DATABASE_URL is not set, and ${dataDirectory} holds no embedded database.\n` +
      'Start the service once (npx gatehouse serve), which makes the embedded database; or set DATABASE_URL, or ' +
      'set GATEHOUSE_DATA_DIR to the directory that the server uses.',
  );
}

/** Whether there is one; a directory that cannot be looked into may hold one. */
export async function hasEmbeddedDatabase(dataDirectory: string): Promise<boolean> {
  return access(placeIn(dataDirectory).home).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
  );
}

/** On Windows neither signals nor users work as needed here. */
function assertPlatform(): void {
  if (process.platform !== 'win32') return;
  throw new Error(
    'The embedded PostgreSQL runs on Linux and macOS: set DATABASE_URL to a PostgreSQL server.',
  );
}

async function prepareDirectory(place: Place): Promise<void> {
  const { R_OK, W_OK } = constants;
  try {
    await makePrivateDirectory(place.dataDirectory);
    await access(place.dataDirectory, R_OK | W_OK);
    for (const path of [place.lockFile, place.home, place.passwordFile]) {
      await access(path, R_OK | W_OK).catch(undefinedIfMissing);
    }
  } catch (cause) {
    throw new Error(
      `${place.dataDirectory} cannot be used as the data directory (${cause}). If another user made it, start gatehouse ` +
        'as that user; or choose another directory, or set DATABASE_URL to a PostgreSQL server.',
      { cause },
    );
  }
}
