/** nginx from Debian, with the configuration of `deploy/nginx`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
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

type Substitutions = readonly (readonly [from: string, to: string])[];

/** Starts nginx in front of port `upstreamPort` of 127.0.0.1. */
export async function startNginx(
  upstreamPort: string,
  { certificateFile, keyFile }: ServerCertificate,
): Promise<Nginx> {
  const [tlsPort, plainPort] = [await freePort(), await freePort()];
  const nginx = await run(
    configurationOf('gatehouse.conf', [
      ['listen 443 ssl', `listen 127.0.0.1:${tlsPort} ssl`],
      ['listen 80;', `listen 127.0.0.1:${plainPort};`],
      ['http://127.0.0.1:8080', `http://127.0.0.1:${upstreamPort}`],
      ['/etc/ssl/auth.example.com.pem', certificateFile],
      ['/etc/ssl/auth.example.com.key', keyFile],
    ]),
    tlsPort,
  );
  return { tlsPort, plainPort, ...nginx };
}

/** Starts nginx, without TLS, in front of an application whose requests Gatehouse allows. */
export async function startForwardAuthNginx(ports: {
  readonly gatehouse: string;
  readonly application: string;
  /** The parameters of `/forward-auth`, in place of those of the file. */
  readonly query: string;
}): Promise<{ readonly port: number } & AsyncDisposable> {
  const port = await freePort();
  const nginx = await run(
    configurationOf('forward-auth.conf', [
      ['listen 443 ssl http2', `listen 127.0.0.1:${port}`],
      ['ssl_certificate /etc/ssl/app.example.com.pem;', ''],
      ['ssl_certificate_key /etc/ssl/app.example.com.key;', ''],
      ['ssl_protocols TLSv1.2 TLSv1.3;', ''],
      ['http://127.0.0.1:3000', `http://127.0.0.1:${ports.application}`],
      ['http://127.0.0.1:4000', `http://127.0.0.1:${ports.gatehouse}`],
      ['?permission=shop.view_order', ports.query],
    ]),
    port,
  );
  return { port, ...nginx };
}

export interface MigrationNginx extends AsyncDisposable {
  readonly port: number;
  /** Waits until the last lines of the log have these requests, without their order; nginx writes after it answers. */
  waitForLog(requests: readonly string[]): Promise<void>;
  /** Changes the line of the file and reloads nginx; resolves when all requests get the new phase. */
  setPhase(phase: 'django' | 'frozen' | 'gatehouse'): Promise<void>;
}

/** Starts nginx, without TLS, in front of Django and Gatehouse, in the phase of the file. */
export async function startMigrationNginx(ports: {
  readonly django: string;
  readonly gatehouse: string;
}): Promise<MigrationNginx> {
  const port = await freePort();
  const text = configurationOf('migration.conf', [
    ['listen 443 ssl http2', `listen 127.0.0.1:${port}`],
    ['ssl_certificate /etc/ssl/auth.example.com.pem;', ''],
    ['ssl_certificate_key /etc/ssl/auth.example.com.key;', ''],
    ['ssl_protocols TLSv1.2 TLSv1.3;', ''],
    ['listen 80;', `listen 127.0.0.1:${await freePort()};`],
    ['/var/log/nginx/migration.log', 'migration.log'],
    ['server 127.0.0.1:8000;', `server 127.0.0.1:${ports.django};`],
    ['server 127.0.0.1:4000;', `server 127.0.0.1:${ports.gatehouse};`],
  ]);
  const nginx = await run(text, port);
  return {
    port,
    async waitForLog(requests) {
      const last = async () => {
        const text = await readFile(join(nginx.directory, 'migration.log'), 'utf8');
        const lines = text.trimEnd().split('\n').slice(-requests.length);
        return lines.map((line) => line.split(' ').slice(2).join(' ')).sort();
      };
      await until(async () => (await last()).join() === requests.toSorted().join());
    },
    async setPhase(phase) {
      await nginx.reload(text.replace('default django;', `default ${phase};`));
    },
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  };
}

/** A file of `deploy/nginx` with other ports and files. */
function configurationOf(name: string, substitutions: Substitutions): string {
  return substitutions.reduce(
    (rest, [from, to]) => {
      if (!rest.includes(from)) throw new Error(`${name} has no ${from}`);
      return rest.replaceAll(from, to);
    },
    readFileSync(new URL(`../../deploy/nginx/${name}`, import.meta.url), 'utf8'),
  );
}

interface NginxProcess extends AsyncDisposable {
  readonly directory: string;
  /** Makes nginx read another configuration; resolves when the workers with the earlier one have ended. */
  reload(configuration: string): Promise<void>;
}

/** Runs nginx until it accepts connections on the port. */
async function run(configuration: string, port: number): Promise<NginxProcess> {
  const directory = makeScratchDirectory('nginx');
  await mkdir(join(directory, 'logs'));
  const write = (text: string) => writeFile(join(directory, 'nginx.conf'), mainOf(directory, text));
  await write(configuration);
  const child = spawn('nginx', ['-p', directory, '-c', join(directory, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await until(() => {
    if (child.exitCode !== null) throw new Error(`nginx ended:\n${output}`);
    return acceptsConnections(port);
  });
  return {
    directory,
    async reload(text) {
      const earlier = await childrenOf(child.pid);
      await write(text);
      child.kill('SIGHUP');
      await until(async () => {
        const present = await childrenOf(child.pid);
        return present.length > 0 && !present.some((pid) => earlier.includes(pid));
      });
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function childrenOf(pid = 0): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter((child) => child !== '');
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

/** Whether a process listens on the port of 127.0.0.1. */
export function acceptsConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
