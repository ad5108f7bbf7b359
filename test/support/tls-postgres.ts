/** A PostgreSQL that requires TLS from the roles of its tests. */
import { chown, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Authority, createAuthority, issueCertificate } from './certificates.ts';
import { type Postgres, startPostgres } from './postgres.ts';
import { until } from './until.ts';

export interface TlsPostgres extends Postgres {
  readonly authority: Authority;
  /** The URL of a new database that belongs to the role `service`. */
  createDatabase(parameters: string, host?: string): Promise<string>;
}

/** Has characters with a meaning in URLs. */
const awkwardPassword = 'p@ss/w:rd%ss?#[ü]';

/** Its certificate is for the host name `localhost`. Role `service` needs TLS, role `certified` a certificate. */
export async function startTlsPostgres(): Promise<TlsPostgres> {
  const postgres = await startPostgres();
  const authority = createAuthority('test authority');
  const directory = postgres.cluster;
  const owner = await stat(directory);
  const writeOwned = async (name: string, text: string) => {
    const path = join(directory, name);
    await writeFile(path, text, { mode: 0o600 });
    await chown(path, owner.uid, owner.gid);
  };
  const { certificate, key } = issueCertificate(authority, 'server', ['localhost']);
  await writeOwned('server.crt', certificate);
  await writeOwned('server.key', key);
  await writeOwned('ca.pem', authority.certificate);
  await writeOwned(
    'pg_hba.conf',
    [
      'hostssl all service all scram-sha-256',
      'hostssl all certified all cert',
      'host all gatehouse 127.0.0.1/32 scram-sha-256',
    ].join('\n'),
  );
  await postgres.query(`create role service login password '${awkwardPassword}'`);
  await postgres.query('create role certified login');
  await postgres.query("alter system set ssl_ca_file = 'ca.pem'");
  await postgres.query('alter system set ssl = on');
  await postgres.query('select pg_reload_conf()');
  await until(async () => {
    const [ssl] = await postgres.query<{ ssl: string }>("select current_setting('ssl') as ssl");
    return ssl?.ssl === 'on';
  });
  let number = 0;
  return {
    ...postgres,
    authority,
    async createDatabase(parameters, host = 'localhost') {
      number += 1;
      const name = `auth${number}`;
      await postgres.query(`create database ${name} owner service`);
      const url = new URL(postgres.url);
      const login = `service:${encodeURIComponent(awkwardPassword)}`;
      return `postgresql://${login}@${host}:${url.port}/${name}?${parameters}`;
    },
  };
}
