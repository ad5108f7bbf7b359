/**
 * The load generator, in its own process: reads its specification as JSON from standard input, sends the requests
 * with autocannon and writes the result as JSON to standard output. It counts unexpected responses, so that fast
 * errors do not look like a high throughput.
 */
import { text } from 'node:stream/consumers';
import autocannon from 'autocannon';

export interface LoadSpec {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  /** Bodies of the requests, sent in turn, repeatedly. */
  readonly bodies?: readonly string[];
  /** Refresh tokens, each to be exchanged for the next; `bodies` holds the body, with `TOKEN` for it. */
  readonly refreshTokens?: readonly string[];
  /** Text that a response must contain. */
  readonly expected: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly perSecond: number;
  /** Milliseconds, as seen by the client. */
  readonly p50: number;
  readonly p99: number;
  readonly answers: number;
  readonly wrong: number;
  /** The first unexpected response. */
  readonly example: string | undefined;
}

const spec = JSON.parse(await text(process.stdin)) as LoadSpec; // written by measure.ts
const { url, method, headers, connections, expected, bodies = [] } = spec;
const tokens = [...(spec.refreshTokens ?? [])];
const milliseconds: number[] = [];
let sent = 0;
let wrong = 0;
let example: string | undefined;

const check = (status: number, body: string) => {
  if (status === 200 && body.includes(expected)) return;
  wrong += 1;
  example ??= `${status} ${body}`;
};

const nextBody = (): string => {
  const body = bodies[sent++ % bodies.length] ?? '';
  return spec.refreshTokens ? body.replace('TOKEN', tokens.shift() ?? '') : body;
};

const request: autocannon.Request = {
  method,
  headers: { ...headers },
  ...(bodies.length > 1 || spec.refreshTokens
    ? { setupRequest: (next) => ({ ...next, body: nextBody() }) }
    : bodies.length === 1
      ? { body: bodies[0] as string }
      : {}),
  onResponse: (status, body) => {
    check(status, body);
    if (!spec.refreshTokens) return;
    const token = /"refreshToken":"([^"]+)"/.exec(body)?.[1];
    if (token) tokens.push(token);
  },
};

const started = performance.now();
const options: autocannon.Options = {
  url,
  connections,
  duration: spec.seconds,
  timeout: 30,
  requests: [request],
};
const result = await new Promise<autocannon.Result>((resolve, reject) => {
  const instance = autocannon(options, (error, done) => (error ? reject(error) : resolve(done)));
  instance.on('response', (_client, _status, _bytes, time) => milliseconds.push(time));
});
const seconds = (performance.now() - started) / 1000;
milliseconds.sort((one, other) => one - other);
const at = (share: number) => milliseconds[Math.floor(milliseconds.length * share)] ?? Number.NaN;
const answer: LoadResult = {
  perSecond: result['2xx'] / seconds,
  p50: at(0.5),
  p99: at(0.99),
  answers: milliseconds.length,
  wrong: wrong + result.errors,
  example,
};
process.stdout.write(JSON.stringify(answer));
