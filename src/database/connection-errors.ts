/** Errors of database connections: remedies for the operator, and whether a retry may help. */
import { ConfigError } from '../config/config.ts';
import type { DatabaseConnection } from '../config/database-url.ts';

export type UrlVariable = 'DATABASE_URL' | 'DATABASE_DIRECT_URL';

/** Certificate errors of OpenSSL, and the error of Node.js for a wrong host name. */
const certificateCode =
  /^(ERR_TLS_CERT_ALTNAME_INVALID|CERT_\w+|\w*SELF_SIGNED\w*|UNABLE_TO_(GET|VERIFY)_\w+|HOSTNAME_MISMATCH)$/;

/** Returns a ConfigError with the remedy when the URL has to be changed, else the error itself. */
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
    return `has sslmode=${tls?.mode}, and the certificate of ${host} is rejected: ${error.message}; see sslrootcert and the host name`;
  }
  if (/does not support SSL/i.test(error.message)) {
    return `has sslmode=${tls?.mode}, and ${host} offers no TLS; enable it there, or set sslmode=disable`;
  }
  if (code === '28000' && /no encryption/.test(error.message)) {
    return `has no sslmode, and ${host} requires TLS; add ?sslmode=verify-full, with sslrootcert=/path/to/ca.pem for a private authority`;
  }
  return undefined;
}

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
/** A Unix socket of PostgreSQL. It does not exist while the server is stopped. */
const postgresSocket = /\/\.s\.PGSQL\.\d+$/;
/**
 * Classes 08, 53 and 57P: connection, resources and shutdown. 25006: the server is a standby. 57014, 55P03 and 25P03:
 * timeout of a statement, a lock or a transaction.
 */
const sqlStates = /^(08|53|57P|25006$|57014$|55P03$|25P03$)/;
/** Errors of node-postgres, which have no code. */
const messages =
  /connection terminated|connection ended|timeout exceeded when trying to connect|client has encountered a connection error|server closed the connection/i;

/** Whether the database takes no changes: it is a standby, or its default transaction is read-only. */
export function isReadOnlyDatabase(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === '25006') || isReadOnlyDatabase(error.cause);
}

/** Whether the database is unreachable or overloaded, so that a retry may help. */
export function isDatabaseUnavailable(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError && error.errors.some(isDatabaseUnavailable)) return true;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (socketCodes.has(code) && 'syscall' in error) return true;
  if (code === 'ENOENT' && isMissingSocket(error)) return true;
  if (sqlStates.test(code) || messages.test(error.message)) return true;
  const causes = [
    'cause' in error ? error.cause : undefined,
    'previous' in error ? error.previous : undefined,
  ];
  return causes.some(isDatabaseUnavailable);
}

/** Other missing paths are files that the configuration names. */
function isMissingSocket(error: Error): boolean {
  const { syscall, address, path } = error as NodeJS.ErrnoException & { address?: string };
  return syscall === 'connect' && postgresSocket.test(address ?? path ?? '');
}
