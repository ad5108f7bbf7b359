/** `serve`: its output, invalid configurations, workers and its end. */
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import { createClient } from '../support/client.ts';
import { environmentOf, spawnCommand, startServer } from '../support/command.ts';
import { runCommand } from '../support/command-line.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { goodPassword } from '../support/people.ts';
import { until } from '../support/until.ts';

// Several processes start one after the other, while other tests run.
vi.setConfig({ testTimeout: 60_000 });

async function withDatabase(work: (database: TestDatabase) => Promise<void>): Promise<void> {
  const database = await createTestDatabase();
  try {
    await work(database);
  } finally {
    await database.drop();
  }
}

/** A port in use, until its release. */
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

// /proc answers ENOENT for a new directory, like automounters.
test.runIf(process.platform === 'linux')(
  'a data directory that the file system cannot create is rejected without a wait',
  async () => {
    const environment = { GATEHOUSE_DATA_DIR: '/proc/gatehouse' };
    const result = await spawnCommand(['serve'], { environment, limitMilliseconds: 30_000 });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('/proc/gatehouse cannot be used as the data directory');
  },
);

describe.concurrent('running', () => {
  test('it prints its addresses, all of them respond, and SIGTERM is exit 0', () =>
    withDatabase(async (database) => {
      const { port, release } = await takePort();
      await release();
      const publicUrl = `http://localhost:${port}`;
      const { PUBLIC_URL: _, ...environment } = environmentOf(database);
      const server = await startServer({ environment: { ...environment, PORT: String(port) } });
      await server.waitFor(/Mailbox: .*\n/);
      const output = server.output();
      const places = {
        GraphQL: '/graphql',
        REST: '/auth/',
        Docs: '/docs',
        Mailbox: '/dev/mailbox',
      };
      for (const [name, path] of Object.entries(places)) {
        expect(output).toContain(`${name}: ${publicUrl}${path}\n`);
      }
      expect(output).toContain('createsuperuser');
      // The service has no default account.
      expect(await database.query('select 1 from users')).toEqual([]);
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

  test('with --json its standard output is JSON, line by line; a misspelled variable is a warning without its value', () =>
    withDatabase(async (database) => {
      const misspelled = { SUPORT_EMAIL: 'not-to-be-printed' };
      const options = { environment: { ...environmentOf(database), ...misspelled } };
      const server = await startServer(options, ['--json']);
      await sleep(200);
      const { code, stdout, stderr } = await server.end('SIGINT');
      expect(code).toBe(0);
      expect(stderr).toBe(
        'Warning: SUPORT_EMAIL is not a variable of Gatehouse. SUPPORT_EMAIL is, and is not set.\n',
      );
      const lines = stdout.split('\n').filter((line) => line !== '');
      expect(lines.filter((line) => !line.startsWith('{'))).toEqual([]);
      expect(JSON.stringify(lines.map((line) => JSON.parse(line)))).toContain('/graphql');
    }));
});

describe.concurrent('two workers', () => {
  test('create one superuser of DEFAULT_ADMIN_*, both serve with shared limits, close connections beyond MAX_CONNECTIONS, a dead one is replaced, SIGTERM ends all', () =>
    withDatabase(async (database) => {
      const variables = {
        WORKERS: '2',
        MAX_CONNECTIONS: '3',
        DEBUG: 'False',
        ALLOWED_HOSTS: '127.0.0.1',
        ...admin,
      };
      const server = await startServer({
        environment: { ...environmentOf(database), ...variables },
        limitMilliseconds: 50_000,
      });
      const [one, two] = await servingPids(server);
      const superusers = await database.query('select email, status from users where is_superuser');
      expect(superusers).toEqual([{ email: admin.DEFAULT_ADMIN_EMAIL, status: 'ACTIVE' }]);
      const json = { email: admin.DEFAULT_ADMIN_EMAIL, password: goodPassword };
      const login = await createClient(server.address).rest('POST', '/login/', { json });
      expect(login.status).toBe(200);
      expect(new Set([one, two, server.pid]).size).toBe(3);
      await until(async () => {
        const counts = await healthChecks(server.address);
        const logged = server.output().match(/"route":"\/health\/live"/g)?.length;
        return counts.length === 2 && counts.reduce((sum, count) => sum + count, 0) === logged;
      });
      await expectConnectionLimit(server.address);
      process.kill(one, 'SIGKILL');
      const [three, four] = await servingPids(server, one);
      expect([three, four]).toContain(two);
      expect(await server.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
      for (const pid of [two, three, four]) expect(await isAlive(pid)).toBe(false);
    }));

  /** Opens twelve connections, and waits until half of them are closed. */
  async function expectConnectionLimit(address: string): Promise<void> {
    const { hostname, port } = new URL(address);
    const sockets = Array.from({ length: 12 }, () => connect(Number(port), hostname));
    let closed = 0;
    for (const socket of sockets) {
      socket.on('error', () => undefined); // a reset closes it as well
      socket.on('close', () => {
        closed += 1;
      });
    }
    // Less than the eight seconds after which idle connections are closed.
    await until(() => closed >= 6, 5_000);
    expect(closed).toBeLessThan(sockets.length);
    for (const socket of sockets) socket.destroy();
  }

  /** Sends requests until two processes other than `dead` have answered, by the pids in the log. */
  async function servingPids(
    { address, output }: { address: string; output(): string },
    dead = 0,
  ): Promise<[number, number]> {
    const from = output().length;
    const deadline = Date.now() + 15_000;
    while (Date.now() < deadline) {
      // A new connection each time, because the processes share connections.
      // A connection that was given to a dying process never gets an answer.
      const signal = AbortSignal.timeout(1000);
      const headers = { connection: 'close' };
      await fetch(`${address}/health/live`, { headers, signal }).catch(() => null);
      await sleep(20);
      const answers = [
        ...output()
          .slice(from)
          .matchAll(/"pid":(\d+).*"request completed"/g),
      ];
      const pids = new Set(answers.map(([, pid]) => Number(pid)));
      pids.delete(dead);
      const [one, two] = pids;
      if (one !== undefined && two !== undefined) return [one, two];
    }
    throw new Error(`no two processes have answered:\n${output()}`);
  }

  /** The number of requests of each process, from `/metrics` of any process. */
  async function healthChecks(address: string): Promise<number[]> {
    const answer = await fetch(`${address}/metrics`, { headers: { connection: 'close' } });
    const series =
      /^gatehouse_requests_total\{operation="GET \/health\/live",outcome="ok",worker="\d"\} (\d+)$/gm;
    return [...(await answer.text()).matchAll(series)].map(([, count]) => Number(count));
  }

  async function isAlive(pid: number): Promise<boolean> {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ' Z ');
    return !status.includes(' Z ');
  }
});

describe.concurrent('refusing', () => {
  test('in production, until all required variables are set, with all missing ones in the message', async () => {
    const refused = await spawnCommand(['serve'], {
      environment: { NODE_ENV: 'production', ALLOWED_HOSTS: 'auth.example.com' },
    });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    for (const name of ['SECRET_KEY', 'DATABASE_URL', 'EMAIL_HOST', 'PUBLIC_URL']) {
      expect(refused.stderr).toMatch(new RegExp(`^  - ${name} `, 'm'));
    }
    expect(refused.stderr).not.toContain('ALLOWED_HOSTS');
  });

  test.each([
    ['of eight bytes', 'kG7-wq2Z', /^ {2}- SECRET_KEY must have at least 32 bytes/m],
    ['with the placeholder', 'changeme', /^ {2}- SECRET_KEY must have at least 32 bytes/m],
    ['with a long placeholder', 'changeme'.repeat(5), /^ {2}- SECRET_KEY is a placeholder/m],
    ['that is empty', '', /^ {2}- SECRET_KEY must be set in production/m],
  ])('a SECRET_KEY %s is refused, and not repeated', async (_what, secretKey, sentence) => {
    const refused = await runCommand(['serve'], {
      isRefused: true,
      environment: {
        NODE_ENV: 'production',
        SECRET_KEY: secretKey,
        DATABASE_URL: 'postgresql://gatehouse@127.0.0.1:1/gatehouse',
        EMAIL_HOST: 'mail.example.com',
        PUBLIC_URL: 'https://auth.example.com',
        ALLOWED_HOSTS: 'auth.example.com',
      },
    });
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toMatch(sentence);
    if (secretKey !== '') expect(refused.stderr).not.toContain(secretKey);
  });

  test.each(['1', '2'])('a port in use is reported with exit 1 (WORKERS=%s)', (workers) =>
    withDatabase(async (database) => {
      const { port, release } = await takePort();
      const environment = { ...environmentOf(database), PORT: String(port), WORKERS: workers };
      const refused = await spawnCommand(['serve'], { environment, limitMilliseconds: 30_000 });
      await release();
      const { code, signal, stderr } = refused;
      expect({ code, signal }).toEqual({ code: 1, signal: null });
      expect(stderr).toContain(String(port));
      expect(stderr).toMatch(/in use/i);
    }),
  );
});
