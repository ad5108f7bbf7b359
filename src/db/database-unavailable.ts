/** Tells a database that cannot be reached from a mistake of ours. */

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
