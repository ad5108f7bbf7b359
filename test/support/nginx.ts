/** nginx from Debian, with the configuration of `deploy/nginx`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { ServerCertificate } from './certificates.ts';
import { freePort } from './free-port.ts';
import { makeScratchDirectory } from './scratch.ts';
import { until } from './until.ts';

export interface Nginx extends AsyncDisposable {
  readonly tlsPort: number;
  readonly plainPort: number;
}

const server = new URL('../../deploy/nginx/gatehouse.conf', import.meta.url);

/** Starts nginx in front of port `upstreamPort` of 127.0.0.1. */
export async function startNginx(
  upstreamPort: string,
  { certificateFile, keyFile }: ServerCertificate,
): Promise<Nginx> {
  const directory = makeScratchDirectory('nginx');
  const [tlsPort, plainPort] = [await freePort(), await freePort()];
  const substitutions: readonly (readonly [from: string, to: string])[] = [
    ['listen 443 ssl', `listen 127.0.0.1:${tlsPort} ssl`],
    ['listen 80;', `listen 127.0.0.1:${plainPort};`],
    ['http://127.0.0.1:8080', `http://127.0.0.1:${upstreamPort}`],
    ['/etc/ssl/auth.example.com.pem', certificateFile],
    ['/etc/ssl/auth.example.com.key', keyFile],
  ];
  const text = substitutions.reduce(
    (rest, [from, to]) => {
      if (!rest.includes(from)) throw new Error(`gatehouse.conf has no ${from}`);
      return rest.replaceAll(from, to);
    },
    readFileSync(server, 'utf8'),
  );
  await mkdir(join(directory, 'logs'));
  await writeFile(join(directory, 'nginx.conf'), mainOf(directory, text));
  const child = spawn('nginx', ['-p', directory, '-c', join(directory, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`nginx ended:\n${output}`);
    return accepts(tlsPort);
  });
  return {
    tlsPort,
    plainPort,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** The settings of Debian's nginx.conf, in a directory of the test. */
function mainOf(directory: string, text: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
pid ${directory}/nginx.pid;
error_log stderr;
${process.getuid?.() === 0 ? 'user root;' : ''}
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  ${text}
}
`;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
