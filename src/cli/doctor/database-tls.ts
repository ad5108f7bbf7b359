/** Whether connections to the database are encrypted: the doctor's own, and those of running processes. */
import { type DatabaseConnection, isSocket } from '../../core/database-url.ts';
import type { UrlVariable } from '../../db/connection-faults.ts';
import { encryptionOfPools, type Inspection } from '../../db/inspection.ts';
import { type Finding, fail, ok, warn } from './finding.ts';

const check = 'database TLS';
const thisMachine = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/;

export async function checkTls(
  { tlsVersion, query }: Inspection,
  connection: DatabaseConnection,
  variable: UrlVariable,
): Promise<Finding> {
  const { encrypted, plain } = await encryptionOfPools(query, connection);
  const pools = encrypted.length > 0 ? `; running pools: ${encrypted.join(', ')}` : '';
  if (tlsVersion === undefined) return withoutTls(connection, variable);
  if (plain.length > 0) {
    const what = `${variable}: pools of running processes are in plain text: ${plain.join(', ')}`;
    return fail(check, what, 'restart those processes with this configuration');
  }
  const what = `${variable}: on (${tlsVersion}, sslmode=${connection.tls?.mode})${pools}`;
  return connection.tls?.mode === 'require'
    ? warn(check, `${what}; the server's certificate is not checked`, `set sslmode=verify-full`)
    : ok(check, what);
}

function withoutTls({ host }: DatabaseConnection, variable: UrlVariable): Finding {
  if (isSocket(host) || thisMachine.test(host)) {
    return ok(check, `${variable}: off; the database is on this machine`);
  }
  const what = `${variable}: off; passwords' hashes and tokens' digests travel to ${host} in plain text`;
  return warn(check, what, `add ?sslmode=verify-full to ${variable}`);
}
