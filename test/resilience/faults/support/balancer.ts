/**
 * A small round-robin HTTP balancer over the backends whose readiness probe responds in time. After a refused
 * connection it tries the next backend. It never sends a request twice, so a later failure reaches the client.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type ClientRequest, createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { slowness } from './slowness.ts';

export interface Balancer extends AsyncDisposable {
  readonly address: string;
  /** Sends no new requests to a replica; its running requests continue. */
  drain(replica: string): void;
  undrain(replica: string): void;
}

const probeMilliseconds = 500;
const probeTimeoutMilliseconds = 2_000 * slowness;

interface Backend {
  readonly address: string;
  isUp: boolean;
  isDrained: boolean;
  readonly running: Set<ClientRequest>;
}

export async function startBalancer(addresses: readonly string[]): Promise<Balancer> {
  const backends: Backend[] = addresses.map((address) => ({
    address,
    isUp: true,
    isDrained: false,
    running: new Set(),
  }));
  let turn = 0;

  const candidates = (): Backend[] => {
    turn += 1;
    const rotated = backends.map((_, index) => backends[(index + turn) % backends.length]);
    return rotated.filter((it) => it !== undefined).filter((it) => it.isUp && !it.isDrained);
  };

  const probe = async (backend: Backend) => {
    const signal = AbortSignal.timeout(probeTimeoutMilliseconds);
    const status = await fetch(`${backend.address}/health/ready`, { signal }).then(
      ({ status }) => status,
      () => 0,
    );
    // A backend without a database responds with its own status; one without a response gets no requests.
    backend.isUp = status !== 0;
    if (!backend.isUp) for (const each of backend.running) each.destroy();
  };
  const probing = setInterval(() => backends.forEach((it) => void probe(it)), probeMilliseconds);

  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () =>
      pass({ incoming, outgoing, body: Buffer.concat(chunks) }, candidates()),
    );
  });
  // A client must not reuse a connection that the balancer is closing.
  server.keepAliveTimeout = 120_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listens on TCP
  const find = (address: string) => backends.find((it) => it.address === address);
  const mark = (address: string, isDrained: boolean) => {
    const found = find(address);
    if (found) found.isDrained = isDrained;
  };
  return {
    address: `http://127.0.0.1:${port}`,
    drain: (address) => mark(address, true),
    undrain: (address) => mark(address, false),
    async [Symbol.asyncDispose]() {
      clearInterval(probing);
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

interface Passing {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
  readonly body: Buffer;
}

function pass(passing: Passing, [backend, ...others]: readonly Backend[]): void {
  const { incoming, outgoing, body } = passing;
  if (!backend) {
    outgoing.writeHead(503, { 'retry-after': '1' });
    return void outgoing.end('{}');
  }
  const { method, headers, url } = incoming;
  const target = `${backend.address}${url}`;
  const forwarded = request(target, { method, headers, agent: false }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.on('error', () => outgoing.destroy());
    answer.pipe(outgoing);
  });
  backend.running.add(forwarded);
  forwarded.once('close', () => backend.running.delete(forwarded));
  forwarded.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED') return pass(passing, others);
    outgoing.destroy();
  });
  forwarded.end(body);
}
