/** Errors of connecting that the operator mends in the database URL, in words that say how. */
import { ConfigError } from '../core/config.ts';
import type { DatabaseConnection } from '../core/database-url.ts';

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
