/**
 * Requests through a real HAProxy with the configuration of `deploy/compose`, to two replicas with one
 * database. Skipped if HAProxy cannot be installed.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from '../support/client.ts';
import { canRun } from '../support/debian.ts';
import { type Haproxy, startHaproxy } from '../support/haproxy.ts';
import { goodPassword } from '../support/people.ts';
import { type Replicas, startReplicas } from '../support/replicas.ts';
import { until } from '../support/until.ts';

const isInstalled = process.platform === 'linux' && canRun('haproxy', 'haproxy');
const [one, two] = ['127.0.0.2', '127.0.0.3'] as const;
const email = 'root@example.com';
/** SHUTDOWN_DELAY of compose.yaml: longer than HAProxy's health checks need. */
const shutdownDelaySeconds = 3;

describe.skipIf(!isInstalled)('through HAProxy', { timeout: 60_000 }, () => {
  let replicas: Replicas;
  let haproxy: Haproxy;
  let client: Client;

  beforeAll(async () => {
    replicas = await startReplicas([one, two], {
      TRUST_PROXY: '1',
      SHUTDOWN_DELAY: String(shutdownDelaySeconds),
      DEBUG: 'False',
      ALLOWED_HOSTS: '127.0.0.1',
      DEFAULT_ADMIN_EMAIL: email,
      DEFAULT_ADMIN_PASSWORD: goodPassword,
    });
    haproxy = await startHaproxy({ replicas: [one, two], replicaPort: replicas.port });
    client = createClient(haproxy.address);
  });
  afterAll(async () => {
    await haproxy[Symbol.asyncDispose]();
    await replicas[Symbol.asyncDispose]();
  });

  const logIn = async (headers = {}) => {
    const { status, body } = await client.rest('POST', '/login/', {
      json: { email, password: goodPassword },
      headers,
    });
    expect([status, body.message]).toEqual([200, expect.any(String)]);
    return body.data.access_token as string;
  };

  /** Sends `me` repeatedly from four concurrent clients; returns the statuses when it is stopped. */
  function keepAsking(token: string) {
    const statuses: (number | string)[] = [];
    let isOver = false;
    const ask = async () => {
      while (!isOver) {
        const query = { query: '{ me { id } }' };
        const answer = await fetch(`${haproxy.address}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
          body: JSON.stringify(query),
        }).then(
          async (response) =>
            (await response.text()).includes('"id"') ? response.status : 'empty',
          (error: Error) => String(error.cause ?? error),
        );
        statuses.push(answer);
        await sleep(2);
      }
    };
    const callers = Promise.all([ask(), ask(), ask(), ask()]);
    return async () => {
      isOver = true;
      await callers;
      return statuses;
    };
  }

  const answeredBy = (address: string) =>
    replicas.at(address).output().split('"request completed"').length - 1;

  test('every replica serves requests', async () => {
    const token = await logIn();
    const stop = keepAsking(token);
    await until(() => [one, two].every((address) => answeredBy(address) > 20));
    expect(new Set(await stop())).toEqual(new Set([200]));
  });

  test('a session has the address of the client, also with forged headers', async () => {
    const token = await logIn({
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-host': 'evil.test',
    });
    const query = '{ me { sessions { current ipAddress } } }';
    const { data } = await client.graphql(query, {}, token);
    const current = data.me.sessions.find(({ current }: { current: boolean }) => current);
    expect(current.ipAddress).toBe('127.0.0.1');
  });

  test.each(['/metrics', '/metrics/', '/%6detrics'])('%s is not reachable', async (path) => {
    expect((await fetch(haproxy.address + path)).status).toBe(404);
  });

  test('no request fails while a replica shuts down: it leaves the rotation first', async () => {
    const token = await logIn();
    const stop = keepAsking(token);
    const leaving = replicas.at(two);
    const signalledAt = performance.now();
    const ended = leaving.end('SIGTERM').then(({ code }) => ({
      code,
      delaySeconds: (performance.now() - signalledAt) / 1000,
    }));
    await until(async () => !(await haproxy.inRotation()).includes(two));
    const direct = (path: string) =>
      fetch(`${leaving.address}${path}`).then(
        ({ status }) => status,
        () => 'ended', // this process was stalled for longer than the delay
      );
    expect([503, 'ended']).toContain(await direct('/health/ready'));
    expect([200, 'ended']).toContain(await direct('/health/live'));
    const { code, delaySeconds } = await ended;
    expect(code).toBe(0);
    expect(delaySeconds).toBeGreaterThanOrEqual(shutdownDelaySeconds);
    expect(new Set(await stop())).toEqual(new Set([200]));

    const stopAgain = keepAsking(token);
    await replicas.start(two);
    await until(async () => (await haproxy.inRotation()).includes(two));
    await until(() => answeredBy(two) > 20);
    expect(new Set(await stopAgain())).toEqual(new Set([200]));
  });

  test('a killed replica gets no more requests', async () => {
    const token = await logIn();
    await replicas.at(one).end('SIGKILL');
    const stop = keepAsking(token);
    await until(async () => (await haproxy.inRotation()).join() === two);
    expect(new Set(await stop())).toEqual(new Set([200]));
  });
});
