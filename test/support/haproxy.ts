/** HAProxy from Debian, with the configuration of `deploy/compose`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { startNameServer } from './name-server.ts';
import { makeScratchDirectory } from './scratch.ts';
import { until } from './until.ts';

export interface Haproxy extends AsyncDisposable {
  /** Address of plain HTTP. */
  readonly address: string;
  /** Undefined without a certificate. */
  readonly tlsPort: number | undefined;
  /** Addresses of the replicas that get requests now. */
  inRotation(): Promise<string[]>;
}

export interface HaproxyOptions {
  /** Addresses of the replicas, which all listen at `replicaPort`. */
  readonly replicas: readonly string[];
  readonly replicaPort: number;
  /** The content of `trusted-proxies.lst`. */
  readonly trustedProxies?: readonly string[];
  /** A PEM file with certificate and key, which enables TLS. */
  readonly certificate?: string;
}

const configuration = new URL('../../deploy/compose/haproxy.cfg', import.meta.url);

/** Starts HAProxy; resolves when each replica is in rotation. */
export async function startHaproxy(options: HaproxyOptions): Promise<Haproxy> {
  const directory = makeScratchDirectory('haproxy');
  const nameServer = await startNameServer(options.replicas);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const places = { directory, port, tlsPort, dnsPort: nameServer.port };
  const socket = join(directory, 'stats');
  await writeFile(join(directory, 'haproxy.cfg'), configurationOf(places, options));
  await writeFile(join(directory, 'trusted.lst'), (options.trustedProxies ?? []).join('\n'));
  await writeFile(join(directory, 'stats.cfg'), `global\n  stats socket ${socket}\n`);
  const files = ['stats.cfg', 'haproxy.cfg'].flatMap((name) => ['-f', join(directory, name)]);
  const { certificate } = options;
  const environment = certificate === undefined ? {} : { TLS_CERTIFICATE: certificate };
  const child = spawn('haproxy', ['-db', ...files], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, ...environment },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const inRotation = async () => inRotationOf(await askStats(socket));
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`HAProxy ended:\n${output}`);
    return (await inRotation().catch(() => [])).length === options.replicas.length;
  }, 20_000);
  return {
    address: `http://127.0.0.1:${port}`,
    tlsPort: certificate === undefined ? undefined : tlsPort,
    inRotation,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      await nameServer[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

interface Places {
  readonly directory: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly dnsPort: number;
}

/** The deployed file with other addresses, ports and path of the list. */
function configurationOf(places: Places, { replicaPort }: HaproxyOptions): string {
  const substitutions: readonly (readonly [from: string, to: string])[] = [
    ['nameserver docker 127.0.0.11:53', `nameserver docker 127.0.0.1:${places.dnsPort}`],
    ['bind :8080', `bind 127.0.0.1:${places.port}`],
    ['bind :8443', `bind 127.0.0.1:${places.tlsPort}`],
    ['gatehouse:4000', `gatehouse:${replicaPort}`],
    ['/usr/local/etc/haproxy/trusted-proxies.lst', join(places.directory, 'trusted.lst')],
  ];
  return substitutions.reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`haproxy.cfg has no ${from}`);
      return text.replaceAll(from, to);
    },
    readFileSync(configuration, 'utf8'),
  );
}

/** The rows of HAProxy's `show stat`. */
async function askStats(path: string): Promise<Record<string, string>[]> {
  const socket = connect(path);
  socket.end('show stat\n');
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  const [head = '', ...lines] = text.trim().split('\n');
  const names = head.replace('# ', '').split(',');
  return lines.map((line) => {
    const values = line.split(',');
    return Object.fromEntries(names.map((name, at) => [name, values[at] ?? '']));
  });
}

function inRotationOf(rows: readonly Record<string, string>[]): string[] {
  return rows
    .filter(({ pxname, svname }) => pxname === 'replicas' && svname !== 'BACKEND')
    .filter(({ status = '' }) => status.startsWith('UP')) // also `UP 1/2`, on its way down
    .map(({ addr = '' }) => addr.replace(/:\d+$/, ''));
}
