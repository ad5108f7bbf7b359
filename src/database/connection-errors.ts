/** Errors of connecting that the operator mends in the database URL, in words that say how. */
import { ConfigError } from '../config/config.ts';
import type { DatabaseConnection } from '../config/database-url.ts';

export type UrlVariable = 'DATABASE_URL' | 'DATABASE_DIRECT_URL';

/** OpenSSL's names of certificate errors, and Node.js's of a host name that does not match. */
const certificateCode =
  /^(ERR_TLS_CERT_ALTNAME_INVALID|CERT_\w+|\w*SELF_SIGNED\w*|UNABLE_TO_(GET|VERIFY)_\w+|HOSTNAME_MISMATCH)$/;

/** The error as the operator is told of it: a ConfigError where the URL has to change, else the error itself. */
export function explainConnectionError(
  error: unknown,
  connection: DatabaseConnection,
  variable: UrlVariable,
): unknown {
  const remedy = remedyFor(error, connection);
  return remedy === undefined ? error : new ConfigError([`${variable} ${remedy}`]);
}

function remedyFor(error: unknown, { host, database, tls }: DatabaseConnection) {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === '3D000') {
    return `names the database ${database}, which does not exist; correct the name, or create it with: npx gatehouse migrate --create-database`;
  }
  if (certificateCode.test(code)) {
    return `has sslmode=${tls?.mode}, and the certificate of ${host} is refused: ${error.message}; see sslrootcert and the host name`;
  }
  if (/does not support SSL/i.test(error.message)) {
    return `has sslmode=${tls?.mode}, and ${host} offers no TLS; enable it there, or set sslmode=disable`;
  }
  if (code === '28000' && /no encryption/.test(error.message)) {
    return `has no sslmode, and ${host} takes no connection without TLS; add ?sslmode=verify-full, with sslrootcert=/path/to/ca.pem for a private authority`;
  }
  return undefined;
}

/**
 * Of sockets, and of PostgreSQL: classes 08, 53 and 57P are connection, resources and shutdown; 25006
 * comes from a server that only reads, which is not, or no longer, the primary; 57014, 55P03 and 25P03
 * say that a statement, a lock or a transaction took longer than it may.
 */
const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
]);
/** A Unix socket of PostgreSQL, which is not there while the server is stopped. */
const postgresSocket = /\/\.s\.PGSQL\.\d+$/;
const sqlStates = /^(08|53|57P|25006$|57014$|55P03$|25P03$)/;
/** node-postgres has no codes for these. */
const sentences =
  /connection terminated|connection ended|timeout exceeded when trying to connect|client has encountered a connection error|server closed the connection/i;

/** Whether waiting may help: nothing is known to be wrong but the way to the database. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isDatabaseUnavailable)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (socketCodes.has(code) && 'syscall' in error) return true;
  if (code === 'ENOENT' && isAboutSocket(error)) return true;
  if (sqlStates.test(code) || sentences.test(error.message)) return true;
  const causes = [
    'cause' in error ? error.cause : undefined,
    'previous' in error ? error.previous : undefined,
  ];
  return causes.some(isDatabaseUnavailable);
}

/** Any other path that is missing is a file that somebody named. */
function isAboutSocket(error: Error): boolean {
  const { syscall, address, path } = error as NodeJS.ErrnoException & { address?: string };
  return syscall === 'connect' && postgresSocket.test(address ?? path ?? '');
}
