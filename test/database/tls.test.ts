/** TLS to the database on every connection, verified as the sslmode of DATABASE_URL requires. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAuthority, issueCertificate } from '../support/certificates.ts';
import { runCommand } from '../support/command-line.ts';
import { databaseAt } from '../support/database-at.ts';
import { canRun } from '../support/debian.ts';
import { somebody } from '../support/people.ts';
import { testSecretKey } from '../support/secret-key.ts';
import { startService, type TestService } from '../support/service.ts';
import { isIn } from '../support/session-calls.ts';
import { startTlsPostgres, type TlsPostgres } from '../support/tls-postgres.ts';

const canIssue = canRun('openssl', 'openssl');
if (!canIssue) console.log('TLS to the database is not tested: openssl cannot be installed here');

describe.skipIf(!canIssue)('a PostgreSQL that requires TLS', () => {
  let postgres: TlsPostgres;
  beforeAll(async () => {
    postgres = await startTlsPostgres();
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  const start = (url: string): Promise<TestService> => startService({ database: databaseAt(url) });
  const verified = () => `sslmode=verify-full&sslrootcert=${postgres.authority.certificateFile}`;
  const doctor = async (url: string) => {
    const { stdout } = await runCommand(['doctor'], { environment: { DATABASE_URL: url } });
    return stdout.split('\n').filter((line) => line.includes('database'));
  };

  test('every connection of a service is encrypted, and doctor shows it', async () => {
    const url = await postgres.createDatabase(verified());
    await using service = await start(url);
    const { accessToken } = await somebody(service);
    expect(await isIn(service, accessToken)).toBe(true);
    const connections = await postgres.query<{ name: string; ssl: boolean }>(
      `select distinct application_name as name, ssl from pg_stat_activity
       join pg_stat_ssl using (pid) where usename = 'service'`,
    );
    const names = connections.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['gatehouse-main', 'gatehouse-jobs', 'gatehouse-change-feed']),
    );
    expect(connections.filter(({ ssl }) => !ssl)).toEqual([]);
    const [line] = (await doctor(url)).filter((each) => each.includes('TLS'));
    expect(line).toMatch(
      /^ok .*on \(TLSv1\.\d, sslmode=verify-full\); running pools: .*change-feed.*jobs.*main/,
    );
  });

  test('a second start and a command use TLS, too', async () => {
    const url = await postgres.createDatabase(verified());
    for (const _ of [1, 2]) await (await start(url)).close();
    const environment = { DATABASE_URL: url, SECRET_KEY: testSecretKey };
    const { code, stdout } = await runCommand(['migrate'], { environment });
    expect([code, stdout]).toEqual([0, 'Nothing to do.\n']);
  });

  test('sslmode=require encrypts without a check, and doctor warns', async () => {
    const url = await postgres.createDatabase('sslmode=require', '127.0.0.1');
    await (await start(url)).close();
    expect(await doctor(url)).toContainEqual(
      expect.stringMatching(/^warn .*certificate is not checked/),
    );
  });

  test('verify-ca accepts another host name, verify-full does not', async () => {
    const authority = `sslrootcert=${postgres.authority.certificateFile}`;
    const named = await postgres.createDatabase(`sslmode=verify-ca&${authority}`, '127.0.0.1');
    await (await start(named)).close();
    const url = await postgres.createDatabase(`sslmode=verify-full&${authority}`, '127.0.0.1');
    await expect(start(url)).rejects.toThrow(
      /DATABASE_URL has sslmode=verify-full, and the certificate of 127\.0\.0\.1 is rejected: .*altnames/,
    );
    expect(await doctor(url)).toContainEqual(
      expect.stringMatching(/^fail .*is rejected.*sslrootcert/),
    );
  });

  test.each(['verify-ca', 'verify-full'])(
    '%s rejects the certificate of another authority',
    async (mode) => {
      const { certificateFile } = createAuthority('another authority');
      const url = await postgres.createDatabase(`sslmode=${mode}&sslrootcert=${certificateFile}`);
      await expect(start(url)).rejects.toThrow(/the certificate of localhost is rejected/);
    },
  );

  test('verify-full without sslrootcert trusts well-known authorities only', async () => {
    const url = await postgres.createDatabase('sslmode=verify-full');
    await expect(start(url)).rejects.toThrow(/the certificate of localhost is rejected/);
  });

  test.each(['', 'sslmode=disable'])(
    'without TLS (%s) the error names the remedy',
    async (mode) => {
      const url = await postgres.createDatabase(mode);
      await expect(start(url)).rejects.toThrow(/requires TLS; add \?sslmode=verify-full/);
    },
  );

  test('the client sends its certificate to a server that requires one', async () => {
    const { certificateFile, keyFile } = issueCertificate(postgres.authority, 'certified');
    const url = await postgres.createDatabase(
      `${verified()}&sslcert=${certificateFile}&sslkey=${keyFile}`,
    );
    const database = new URL(url).pathname.slice(1);
    await postgres.query(`alter database ${database} owner to certified`);
    await using service = await start(url.replace(/service:[^@]*@/, 'certified@'));
    const { accessToken } = await somebody(service);
    expect(await isIn(service, accessToken)).toBe(true);
  });

  test('a server without TLS is rejected when sslmode requires TLS', async () => {
    await postgres.query('alter system set ssl = off');
    await postgres.query('select pg_reload_conf()');
    const url = new URL(postgres.url);
    url.search = '?sslmode=require';
    await expect(start(url.href)).rejects.toThrow(/offers no TLS; enable it there/);
  });
});
