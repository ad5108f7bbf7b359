/** A database connection in the form that node-postgres takes; the only place that writes it so. */
import type { ClientConfig } from 'pg';
import type { DatabaseConnection, TlsSetting } from '../core/database-url.ts';

/**
 * Values for every field that node-postgres would otherwise read from the environment, but the password.
 *
 * @param name what the connection is for, as in `gatehouse-jobs`
 */
export function clientConfig(connection: DatabaseConnection, name: string) {
  const { host, port, user, password, database, tls, options } = connection;
  return {
    host,
    port,
    user,
    ...(password === undefined ? {} : { password }),
    database,
    application_name: applicationNameOf(connection, name),
    ssl: tls ? tlsOptions(tls) : false,
    ...(options === '' ? {} : { options }),
  } satisfies ClientConfig;
}

/** The name that PostgreSQL shows for a connection, in `pg_stat_activity`. */
export function applicationNameOf({ applicationName }: DatabaseConnection, name: string): string {
  return `${applicationName}-${name}`;
}

/** A new object each time: node-postgres hides the key in it. */
function tlsOptions({ mode, ca, certificate, key }: TlsSetting) {
  return {
    rejectUnauthorized: mode !== 'require',
    ...(mode === 'verify-ca' ? { checkServerIdentity: () => undefined } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  };
}
