/** Caddy from Debian, with the configuration of `deploy/caddy`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { acceptsConnections } from './nginx.ts';
import { makeScratchDirectory } from './scratch.ts';
import { until } from './until.ts';

const file = new URL('../../deploy/caddy/forward-auth.caddyfile', import.meta.url);

/** Starts Caddy, without TLS, in front of an application whose requests Gatehouse allows. */
export async function startForwardAuthCaddy(ports: {
  readonly gatehouse: string;
  readonly application: string;
  /** The parameters of `/forward-auth`, in place of those of the file. */
  readonly query: string;
}): Promise<{ readonly port: number } & AsyncDisposable> {
  const port = await freePort();
  const directory = makeScratchDirectory('caddy');
  const substitutions: readonly (readonly [from: string, to: string])[] = [
    ['app.example.com {', `http://app.example.com:${port} {\n\tbind 127.0.0.1`],
    ['127.0.0.1:3000', `127.0.0.1:${ports.application}`],
    ['127.0.0.1:4000', `127.0.0.1:${ports.gatehouse}`],
    ['?permission=shop.view_order', ports.query],
  ];
  const text = substitutions.reduce(
    (rest, [from, to]) => {
      if (!rest.includes(from)) throw new Error(`the Caddyfile has no ${from}`);
      return rest.replaceAll(from, to);
    },
    readFileSync(file, 'utf8'),
  );
  const path = join(directory, 'Caddyfile');
  await writeFile(path, `{\n\tadmin off\n}\n${text}`);
  const child = spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', path], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`Caddy ended:\n${output}`);
    return acceptsConnections(port);
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
