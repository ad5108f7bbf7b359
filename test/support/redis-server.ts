/** A separate Redis server for a test, which can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { canRun } from './debian.ts';
import { freePort } from './free-port.ts';
import { until } from './until.ts';

export const hasRedis = canRun('redis-server', 'redis-server');
/** For the title of a suite that needs Redis. */
export const withoutRedis =
  ' (no redis-server, and it cannot be installed: apt-get install redis-server)';

export interface RedisServer {
  readonly url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
}

export async function startRedis(): Promise<RedisServer> {
  const port = await freePort();
  let server: ChildProcess | undefined;
  const redis: RedisServer = {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      const options = ['--port', String(port), '--save', '', '--bind', '127.0.0.1'];
      server = spawn('redis-server', options, { stdio: 'ignore' });
      await until(() => canConnect(port));
    },
    async kill() {
      if (!server || server.exitCode !== null || server.signalCode !== null) return;
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
  };
  await redis.start();
  return redis;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
