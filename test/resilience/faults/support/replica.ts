/** A server process of an experiment with a fixed port, which can be killed, frozen and started again. */
import { readdirSync, readFileSync } from 'node:fs';
import { type RunningServer, startServer, type Variables } from '../../../support/command.ts';
import { freePort } from '../../../support/free-port.ts';
import { until } from '../../../support/until.ts';

export interface Resources {
  readonly descriptors: number;
  readonly residentMegabytes: number;
}

export interface Replica {
  /** Such as `http://127.0.0.1:4000`. */
  readonly address: string;
  start(): Promise<void>;
  /** Sends a signal, waits for the end and returns the exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  freeze(): void;
  thaw(): void;
  /** Status of a path under `/health`, or the name of the connection error. */
  health(name: 'live' | 'ready'): Promise<number | string>;
  /** Milliseconds until `/health/ready` responds with 200. */
  untilReady(): Promise<number>;
  untilNotReady(): Promise<number>;
  isRunning(): boolean;
  /** Its log since the last start. */
  output(): string;
  resources(): Resources;
}

const runMilliseconds = 3_600_000;
const readyMilliseconds = 60_000;
const probeMilliseconds = 4_000;

/** An interrupted run leaves no server processes. */
const running = new Set<() => void>();
process.once('exit', () => {
  for (const kill of running) kill();
});

export async function createReplica(
  environment: Variables,
  /** A program that starts the server, such as one that shifts the clock. */
  wrapper: readonly string[] = [],
): Promise<Replica> {
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  let server: RunningServer | undefined;
  let isRunning = false;

  const health: Replica['health'] = (name) =>
    fetch(`${address}/health/${name}`, { signal: AbortSignal.timeout(probeMilliseconds) }).then(
      async (response) => {
        await response.arrayBuffer();
        return response.status;
      },
      (error: Error) => error.name,
    );
  const pid = () => server?.pid ?? 0;
  running.add(() => isRunning && process.kill(pid(), 'SIGKILL'));
  return {
    address,
    async start() {
      const options = {
        environment: { ...environment, PORT: String(port) },
        limitMilliseconds: runMilliseconds,
        wrapper,
      };
      const started = await startServer(options);
      server = started;
      isRunning = true;
      void started.ended.then(() => {
        if (server === started) isRunning = false;
      });
    },
    async end(signal) {
      const result = await server?.end(signal);
      return result?.code ?? null;
    },
    freeze: () => void process.kill(pid(), 'SIGSTOP'),
    thaw: () => void process.kill(pid(), 'SIGCONT'),
    health,
    untilReady: () => until(async () => (await health('ready')) === 200, readyMilliseconds),
    untilNotReady: () => until(async () => (await health('ready')) !== 200, readyMilliseconds),
    isRunning: () => isRunning,
    output: () => server?.output() ?? '',
    resources: () => ({
      descriptors: readdirSync(`/proc/${pid()}/fd`).length,
      residentMegabytes: residentMegabytes(pid()),
    }),
  };
}

function residentMegabytes(pid: number): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}
