/**
 * An open-loop load generator in its own process: it sends requests at a fixed rate, independent of the responses.
 * Reads its specification as JSON from standard input, and writes the result as JSON to standard output.
 */
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ClientRequest } from '../../bench/clients/requests.ts';
import { percentile } from '../../bench/sampling.ts';

export interface StormSpec {
  /** Without a path. */
  readonly address: string;
  /** Sent in turn, repeatedly. */
  readonly requests: readonly ClientRequest[];
  readonly perSecond: number;
  /** Time at the start that is not measured, while the queue fills. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface StormResult {
  readonly offeredPerSecond: number;
  readonly acceptedPerSecond: number;
  readonly refusedPerSecond: number;
  /** Milliseconds from a request to its rejection. */
  readonly refusedP50: number;
  readonly refusedP99: number;
  /** Responses that are neither a token nor OVERLOADED. */
  readonly wrong: number;
  readonly example: string | undefined;
}

const spec = JSON.parse(await text(process.stdin)) as StormSpec; // written by run.ts
// With a timeout the agent respects the server's keep-alive timeout, and reuses no connection that is about to close.
const agent = new Agent({ keepAlive: true, timeout: 60_000 });
const tickMilliseconds = 5;
const refusals: number[] = [];
let [sent, offered, accepted, wrong] = [0, 0, 0, 0];
let example: string | undefined;
let isCounting = false;
let isOver = false;

function send(): void {
  const askedAt = performance.now();
  if (isCounting) offered += 1;
  const { method, path, headers, body } = spec.requests[
    sent++ % spec.requests.length
  ] as ClientRequest; // not empty
  const options = { method, agent, headers };
  const asking = request(`${spec.address}${path}`, options, (response) => {
    let answer = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      answer += chunk;
    });
    response.on('end', () => note(answer, askedAt));
  });
  asking.on('error', (error) => {
    if (!isOver) fault(String(error));
  });
  asking.end(body);
}

function note(body: string, askedAt: number): void {
  const isRefused = /"code":"OVERLOADED","retryAfter":[1-9]/.test(body);
  if (!isRefused && !body.includes('"accessToken"')) fault(body);
  else if (!isCounting) return;
  else if (isRefused) refusals.push(performance.now() - askedAt);
  else accepted += 1;
}

function fault(text: string): void {
  wrong += 1;
  example ??= text.slice(0, 300);
}

const startedAt = performance.now();
const ticking = setInterval(() => {
  const elapsed = (performance.now() - startedAt) / 1000;
  isCounting = elapsed > spec.warmUpSeconds;
  if (elapsed > spec.warmUpSeconds + spec.seconds) return end();
  while (sent < elapsed * spec.perSecond) send();
}, tickMilliseconds);

function end(): void {
  isOver = true;
  clearInterval(ticking);
  const result: StormResult = {
    offeredPerSecond: offered / spec.seconds,
    acceptedPerSecond: accepted / spec.seconds,
    refusedPerSecond: refusals.length / spec.seconds,
    refusedP50: percentile(refusals, 0.5),
    refusedP99: percentile(refusals, 0.99),
    wrong,
    example,
  };
  process.stdout.write(JSON.stringify(result), () => process.exit());
}
