/** `serve` as an operator sees it: what it prints, when it refuses, how it ends. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createClient } from '../support/client.ts';
import { environmentOf, runCommand, startServer } from '../support/command.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goodPassword } from '../support/people.ts';

async function withDatabase(work: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  try {
    await work(database);
  } finally {
    await database.drop();
  }
}

/** A port in use, until it is let go. */
async function takePort(): Promise<{ port: number; release(): Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    release: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const admin = {
  DEFAULT_ADMIN_EMAIL: 'root@example.com',
  DEFAULT_ADMIN_PASSWORD: goodPassword,
};
const superusersSql = 'select email, status from users where is_superuser';
const theOne = [{ email: admin.DEFAULT_ADMIN_EMAIL, status: 'ACTIVE' }];

describe.concurrent('running', () => {
  test('it prints where everything is, all of it answers, and SIGTERM is exit 0', () =>
    withDatabase(async (database) => {
      const { port, release } = await takePort();
      await release();
      const publicUrl = `http://localhost:${port}`;
      const { PUBLIC_URL: _, ...environment } = environmentOf(database);
      const server = await startServer({ environment: { ...environment, PORT: String(port) } });
      await server.waitFor(/Mailbox: .*\n/);
      const said = server.said();
      const places = {
        GraphQL: '/graphql',
        REST: '/auth/',
        Docs: '/docs',
        Mailbox: '/dev/mailbox',
      };
      for (const [name, path] of Object.entries(places)) {
        expect(said).toContain(`${name}: ${publicUrl}${path}\n`);
      }
      expect(said).toContain('createsuperuser');
      const { data } = await createClient(publicUrl).graphql('{ __typename }');
      expect(data).toEqual({ __typename: 'Query' });
      const statuses = await Promise.all(
        ['/docs', '/dev/mailbox', '/openapi.json', '/auth/profile/view/'].map(async (path) => [
          path,
          (await fetch(`${publicUrl}${path}`)).status,
        ]),
      );
      expect(statuses).toEqual([
        ['/docs', 200],
        ['/dev/mailbox', 200],
        ['/openapi.json', 200],
        ['/auth/profile/view/', 401],
      ]);
      expect(await server.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
      await expect(fetch(publicUrl)).rejects.toThrow();
    }));

  test('with --json its standard output is JSON, line by line', () =>
    withDatabase(async (database) => {
      const options = { environment: environmentOf(database) };
      const server = await startServer(options, ['--json']);
      await sleep(200);
      const { code, stdout } = await server.end('SIGINT');
      expect(code).toBe(0);
      const lines = stdout.split('\n').filter((line) => line !== '');
      expect(lines.filter((line) => !line.startsWith('{'))).toEqual([]);
      expect(JSON.stringify(lines.map((line) => JSON.parse(line)))).toContain('/graphql');
    }));

  test('two that start at once with DEFAULT_ADMIN_* make one superuser, who logs in at both', () =>
    withDatabase(async (database) => {
      const options = { environment: { ...environmentOf(database), ...admin } };
      const servers = await Promise.all([startServer(options), startServer(options)]);
      expect(await database.query(superusersSql)).toEqual(theOne);
      for (const { address, end, said } of servers) {
        const json = { email: admin.DEFAULT_ADMIN_EMAIL, password: goodPassword };
        const login = await createClient(address).rest('POST', '/login/', { json });
        expect(login.status).toBe(200);
        expect(said()).not.toContain(goodPassword);
        expect(await end('SIGTERM')).toMatchObject({ code: 0 });
      }
    }));
});

describe.concurrent('two workers', () => {
  test('both serve, one that dies is replaced, and SIGTERM ends all with exit 0', () =>
    withDatabase(async (database) => {
      const variables = { WORKERS: '2', DEBUG: 'False', ALLOWED_HOSTS: '127.0.0.1', ...admin };
      const server = await startServer({
        environment: { ...environmentOf(database), ...variables },
      });
      const [one, two] = await servingPids(server);
      expect(await database.query(superusersSql)).toEqual(theOne);
      expect(new Set([one, two, server.pid]).size).toBe(3);
      process.kill(one, 'SIGKILL');
      const [three, four] = await servingPids(server, one);
      expect([three, four]).toContain(two);
      expect(await server.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
      for (const pid of [two, three, four]) expect(await isAlive(pid)).toBe(false);
    }));

  /** Asks until two processes other than `dead` have answered, by the pids in the log of answers. */
  async function servingPids(
    { address, said }: { address: string; said(): string },
    dead = 0,
  ): Promise<[number, number]> {
    const from = said().length;
    for (;;) {
      // A new connection each time, which is what the processes share out.
      await fetch(`${address}/health/live`, { headers: { connection: 'close' } }).catch(() => null);
      await sleep(20);
      const answers = [
        ...said()
          .slice(from)
          .matchAll(/"pid":(\d+).*"answered"/g),
      ];
      const pids = new Set(answers.map(([, pid]) => Number(pid)));
      pids.delete(dead);
      const [one, two] = pids;
      if (one !== undefined && two !== undefined) return [one, two];
    }
  }

  async function isAlive(pid: number): Promise<boolean> {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z ');
    return !status.includes(' Z ');
  }
});

describe.concurrent('refusing', () => {
  test('in production, until all that is needed is set, naming all that is missing at once', async () => {
    const refused = await runCommand(['serve'], {
      environment: { NODE_ENV: 'production', ALLOWED_HOSTS: 'auth.example.com' },
    });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    for (const name of ['SECRET_KEY', 'DATABASE_URL', 'EMAIL_HOST', 'PUBLIC_URL']) {
      expect(refused.stderr).toMatch(new RegExp(`^  - ${name} `, 'm'));
    }
    expect(refused.stderr).not.toContain('ALLOWED_HOSTS');
  });

  test.each(['1', '2'])('a port in use is said and exit 1 (WORKERS=%s)', (workers) =>
    withDatabase(async (database) => {
      const { port, release } = await takePort();
      const environment = { ...environmentOf(database), PORT: String(port), WORKERS: workers };
      const refused = await runCommand(['serve'], { environment, limitMilliseconds: 10_000 });
      await release();
      const { code, signal, stderr } = refused;
      expect({ code, signal }).toEqual({ code: 1, signal: null });
      expect(stderr).toContain(String(port));
      expect(stderr).toMatch(/in use/i);
    }),
  );

  test.each(['1', '2'])(
    'another SECRET_KEY on the same database is said and exit 1 (WORKERS=%s)',
    (workers) =>
      withDatabase(async (database) => {
        const environment = { ...environmentOf(database), WORKERS: workers, PORT: '0' };
        await runCommand(['migrate'], { environment });
        const key = 'another-key-0123456789-abcdefghijklmnop';
        const refused = await runCommand(['serve'], {
          environment: { ...environment, SECRET_KEY: key },
          limitMilliseconds: 10_000,
        });
        const { code, signal, stderr } = refused;
        expect({ code, signal }).toEqual({ code: 1, signal: null });
        expect(stderr).toMatch(/SECRET_KEY.*former/);
        expect(stderr).not.toContain(key);
      }),
  );

  test('a default administrator whose password is weak is named, and nothing is served', () =>
    withDatabase(async (database) => {
      const weak = { ...admin, DEFAULT_ADMIN_PASSWORD: 'password123', PORT: '0' };
      const environment = { ...environmentOf(database), ...weak };
      const refused = await runCommand(['serve'], { environment, limitMilliseconds: 10_000 });
      expect(refused).toMatchObject({ code: 1, signal: null });
      expect(refused.stderr).toMatch(/VALIDATION_FAILED: .*\n {2}.*password.*: \w/i);
      expect(refused.stdout + refused.stderr).not.toContain('password123');
      expect(await database.query('select 1 from users')).toEqual([]);
    }));
});
