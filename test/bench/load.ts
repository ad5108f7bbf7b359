/**
 * The load generator, in its own process: reads its specification as JSON from standard input, sends the requests
 * with autocannon and writes the result as JSON to standard output. It counts unexpected responses, so that fast
 * errors do not look like a high throughput.
 */
import { text } from 'node:stream/consumers';
import autocannon from 'autocannon';
import type { ClientRequest } from './clients/requests.ts';

export interface LoadSpec {
  /** Without a path, such as `http://127.0.0.1:4000`. */
  readonly address: string;
  /** Sent in turn, repeatedly. */
  readonly requests: readonly ClientRequest[];
  /** Refresh tokens, each to be exchanged for the next; a body has `REFRESH_TOKEN` for it. */
  readonly refreshTokens?: readonly string[];
  /** Text that a response must contain. */
  readonly expected: string;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  /** Expected responses. */
  readonly perSecond: number;
  /** Milliseconds, as seen by the client. */
  readonly p50: number;
  readonly p99: number;
  /** All responses. */
  readonly answers: number;
  /** Responses with OVERLOADED. */
  readonly overloaded: number;
  /** Other unexpected responses. */
  readonly wrong: number;
  /** The first unexpected response. */
  readonly example: string | undefined;
}

const spec = JSON.parse(await text(process.stdin)) as LoadSpec; // written by sampling.ts
const { address, requests, connections, expected } = spec;
const tokens = [...(spec.refreshTokens ?? [])];
const milliseconds: number[] = [];
let sent = 0;
let overloaded = 0;
let wrong = 0;
let example: string | undefined;

const check = (status: number, body: string) => {
  if (status === 200 && body.includes(expected)) return;
  if (body.includes('OVERLOADED')) {
    overloaded += 1;
    return;
  }
  wrong += 1;
  example ??= `${status} ${body}`;
};

/** The next request, with the refresh token of an earlier response. */
const nextRequest = (): autocannon.Request => {
  const { method, path, headers, body } = requests[sent++ % requests.length] as ClientRequest; // not empty
  const token = spec.refreshTokens ? (tokens.shift() ?? '') : undefined;
  return {
    method: method === 'GET' ? 'GET' : 'POST',
    path,
    headers: { ...headers },
    ...(body === undefined ? {} : { body: token ? body.replace('REFRESH_TOKEN', token) : body }),
  };
};

const isFixed = requests.length === 1 && !spec.refreshTokens;
const request: autocannon.Request = {
  ...(isFixed
    ? nextRequest()
    : { setupRequest: (previous) => ({ ...previous, ...nextRequest() }) }),
  onResponse: (status, body) => {
    check(status, body);
    if (!spec.refreshTokens) return;
    const token = /"refreshToken":"([^"]+)"/.exec(body)?.[1];
    if (token) tokens.push(token);
  },
};

const started = performance.now();
const options: autocannon.Options = {
  url: address,
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
  perSecond: (milliseconds.length - overloaded - wrong) / seconds,
  p50: at(0.5),
  p99: at(0.99),
  answers: milliseconds.length,
  overloaded,
  wrong: wrong + result.errors,
  example,
};
process.stdout.write(JSON.stringify(answer));
