/**
 * A member of the server: a connection whose shared advisory lock says that somebody needs the server.
 * PostgreSQL itself drops the lock when the member dies, however it dies.
 */
import { Client, DatabaseError } from 'pg';
import { GATEHOUSE } from './cluster.ts';

// The types leave them out; they are in pg's own documentation.
declare module 'pg' {
  interface Client {
    ref(): void;
    unref(): void;
  }
}

/** The lock's key: `gate`, `memb` in ASCII. Locks belong to the database, so clusters do not meet. */
const KEY = '1734440037, 1835363682';
const CONNECT_LIMIT_MS = 5_000;

/** A connected member; the connection does not keep the process alive. */
export interface Member {
  readonly port: number;
  readonly client: Client;
  readonly isConnected: () => boolean;
  /** Settles when the connection is gone, whoever ended it. */
  readonly ended: Promise<void>;
}

/**
 * Connects and takes the shared lock.
 *
 * Answers a text that says why not when the server is starting, stopping or gone, so that asking again makes sense.
 * Throws an Error when the server refuses for good.
 */
export async function becomeMember(port: number, password: string): Promise<Member | string> {
  const member = await connect(port, password);
  if (typeof member === 'string') return member;
  if (await ask(member, `pg_try_advisory_lock_shared(${KEY})`)) return member;
  await disconnect(member);
  return 'the last member is leaving';
}

/** A connection that holds no lock yet; answers and throws like `becomeMember`. */
export async function connect(port: number, password: string): Promise<Member | string> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: GATEHOUSE,
    password,
    database: GATEHOUSE,
    ssl: false,
    application_name: 'gatehouse-member',
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
  });
  let isConnected = true;
  const ended = new Promise<void>((resolve) => client.once('end', resolve)).then(() => {
    isConnected = false;
  });
  // A dying server must not take the process with it; `ended` tells of it.
  client.on('error', () => undefined);
  const refusal = await client.connect().then(() => undefined, readRefusal);
  if (refusal !== undefined) return refusal;
  client.unref();
  return { port, client, isConnected: () => isConnected, ended };
}

/** Class 57 is a server starting or stopping, 53 one without a free place; what is not the server's answer is the network's. */
function readRefusal(error: unknown): string {
  const isFinal = error instanceof DatabaseError && !/^(53|57)/.test(error.code ?? '');
  if (!isFinal) return String(error);
  throw new Error(
    `The embedded PostgreSQL refuses gatehouse (${error.message}). ` +
      'Its password is in postgres/password below the data directory, and its user and database are named gatehouse: has one of them been changed?',
  );
}

/**
 * Gives up the shared lock, and says whether nobody else holds one. If so, nobody can get one while this connection stands.
 *
 * Of two who leave at once at least one hears `true`, as each gives up before it asks.
 */
export async function isLast(member: Member): Promise<boolean> {
  await ask(member, 'pg_advisory_unlock_all()::text');
  return ask(member, `pg_try_advisory_lock(${KEY})`);
}

/** Closes the connection and waits until it is closed. */
export async function disconnect({ client }: Member): Promise<void> {
  client.ref();
  await client.end().catch(() => undefined);
}

/** A connection that breaks under the question is a `false`. */
async function ask({ client }: Member, call: string): Promise<boolean> {
  client.ref();
  try {
    const { rows } = await client.query<{ answer: unknown }>(`SELECT ${call} AS answer`);
    return rows[0]?.answer === true;
  } catch {
    return false;
  } finally {
    client.unref();
  }
}
