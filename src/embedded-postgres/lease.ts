/**
 * A lease of the server: a connection that holds a shared advisory lock. The server must run as long as there
 * is a lease. PostgreSQL releases the lock when the process of the lease dies.
 */
import { Client, DatabaseError } from 'pg';
import { gatehouse } from './cluster.ts';

// @types/pg lacks these two methods. The documentation of node-postgres describes them.
declare module 'pg' {
  interface Client {
    ref(): void;
    unref(): void;
  }
}

/** The key of the lock: `gate`, `memb` in ASCII. Advisory locks belong to a database, so clusters do not conflict. */
const KEY = '1734440037, 1835363682';
const connectLimitMs = 5_000;

/** An open connection to the server. It does not keep the process alive. */
export interface Lease {
  readonly port: number;
  readonly client: Client;
  readonly isConnected: () => boolean;
  /** Settles when the connection is closed by either side. */
  readonly ended: Promise<void>;
}

/**
 * Connects and takes the shared lock.
 *
 * Returns the reason as text when the server is starting, stopping or absent; then the caller tries again.
 * @throws Error when the server rejects the connection permanently
 */
export async function takeLease(port: number, password: string): Promise<Lease | string> {
  const lease = await connect(port, password);
  if (typeof lease === 'string') return lease;
  if (await ask(lease, `pg_try_advisory_lock_shared(${KEY})`)) return lease;
  await disconnect(lease);
  return 'the last process is releasing the server';
}

/** Connects without taking the lock; returns and throws like `takeLease`. */
export async function connect(port: number, password: string): Promise<Lease | string> {
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: gatehouse,
    password,
    database: gatehouse,
    ssl: false,
    application_name: 'gatehouse-lease',
    connectionTimeoutMillis: connectLimitMs,
  });
  let isConnected = true;
  const ended = new Promise<void>((resolve) => client.once('end', resolve)).then(() => {
    isConnected = false;
  });
  // Without a listener, an error of the connection would end the process. `ended` reports it.
  client.on('error', () => undefined);
  const reason = await client.connect().then(() => undefined, temporaryReason);
  if (reason !== undefined) return reason;
  client.unref();
  return { port, client, isConnected: () => isConnected, ended };
}

/** Errors of class 57 (starting or stopping) and 53 (no free connection) are temporary, and so are network errors. */
function temporaryReason(error: unknown): string {
  const isPermanent = error instanceof DatabaseError && !/^(53|57)/.test(error.code ?? '');
  if (!isPermanent) return String(error);
  throw new Error(
    `The embedded PostgreSQL rejects the connection of gatehouse (${error.message}). ` +
      'The password must be the one in postgres/password below the data directory, and user and database must be named gatehouse. Restore the one that was changed.',
  );
}

/**
 * Releases the shared lock and returns whether no other process holds it. If no other process
 * does, this connection then holds it exclusively until it ends. Each process releases its shared lock first. So
 * if two processes leave at the same time, at least one of them gets `true`.
 */
export async function isLastLease(lease: Lease): Promise<boolean> {
  await ask(lease, 'pg_advisory_unlock_all()::text');
  return ask(lease, `pg_try_advisory_lock(${KEY})`);
}

/** Closes the connection and waits until it is closed. */
export async function disconnect({ client }: Lease): Promise<void> {
  client.ref();
  await client.end().catch(() => undefined);
}

/** False when the connection breaks meanwhile. */
async function ask({ client }: Lease, call: string): Promise<boolean> {
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
