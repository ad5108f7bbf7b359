/** Slow, large and too many clients: each is disconnected in time, and other clients are served meanwhile. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpLimits } from '../../../src/api/http/limits.ts';
import { drip, exchange, requestBytes } from '../../support/raw-socket.ts';
import { envelopeOf } from '../../support/refusals.ts';
import { startService, type TestService } from '../../support/service.ts';
import { until } from '../../support/until.ts';

/** With the limits of production. */
let service: TestService;
/** With short timeouts, so that tests take little time. */
let withShortTimeouts: TestService;
/** With a small number of connections. */
let small: TestService;

const maxConnections = 5;

beforeAll(async () => {
  service = await startService();
  const shared = { database: service.database, mail: service.mail };
  const hastyLimits = {
    headersMilliseconds: 300,
    requestMilliseconds: 500,
    keepAliveMilliseconds: 200,
    silenceMilliseconds: 1500,
    checkMilliseconds: 50,
  };
  withShortTimeouts = await startService({ ...shared, httpLimits: hastyLimits });
  small = await startService({
    ...shared,
    environment: { MAX_CONNECTIONS: String(maxConnections) },
    httpLimits: { keepAliveMilliseconds: 60_000 },
  });
});
afterAll(async () => {
  await small.close();
  await withShortTimeouts.close();
  await service.close();
});

const json = { 'Content-Type': 'application/json' };
const chunked = { ...json, 'Transfer-Encoding': 'chunked' };
const staying = { Connection: 'keep-alive' };

interface SlowClient {
  readonly what: string;
  /** The bytes at first, the bytes sent slowly after them, and the status of the response. */
  readonly first: string;
  readonly more: string;
  readonly status: number;
}

const slowClients: readonly SlowClient[] = [
  { what: 'sends nothing', first: '', more: '', status: 408 },
  { what: 'sends line breaks', first: '\r\n', more: '\r\n', status: 408 },
  { what: 'is slow in the request line', first: 'GET /', more: 'x', status: 408 },
  { what: 'is slow in a header', first: 'GET / HTTP/1.1\r\nX: ', more: 'x', status: 408 },
  { what: 'sends header by header', first: 'GET / HTTP/1.1\r\n', more: 'X: x\r\n', status: 408 },
  {
    what: 'is slow in a body',
    first: requestBytes('POST /auth/login/', { ...json, 'Content-Length': '1000' }, '{'),
    more: ' ',
    status: 408,
  },
  {
    what: 'is slow in chunks',
    first: requestBytes('POST /auth/login/', chunked),
    more: '1\r\n \r\n',
    status: 408,
  },
  {
    what: 'is slow in a body of GraphQL',
    first: requestBytes('POST /graphql', { ...json, 'Content-Length': '1000' }, '{'),
    more: ' ',
    status: 408,
  },
  {
    what: 'goes on sending a body that was refused',
    first: requestBytes('POST /nothing', { ...json, ...staying, 'Content-Length': '1000' }, '{'),
    more: ' ',
    status: 404,
  },
  {
    what: 'sends nothing after a response',
    first: requestBytes('GET /health/live', staying),
    more: '',
    status: 200,
  },
  {
    what: 'sends line breaks after a response',
    first: requestBytes('GET /health/live', staying),
    more: '\r\n',
    status: 200,
  },
];

describe.concurrent('slow clients', () => {
  test.each(slowClients)('a client that $what is disconnected', async ({ first, more, status }) => {
    const goOn = more === '' ? undefined : drip(more, 40);
    const response = await exchange(withShortTimeouts.address, first, {
      ...(goOn ? { goOn } : {}),
    });
    expect(response.isClosed).toBe(true);
    expect(response.status).toBe(status);
    if (status === 408) {
      expect(envelopeOf(response)).toMatchObject({ code: 'VALIDATION_FAILED', fields: [] });
      expect(response.headers).toMatchObject({ connection: 'close', 'cache-control': 'no-store' });
    }
  });

  test('a client that sends one byte a second is disconnected within fifteen seconds', {
    timeout: 30_000,
  }, async () => {
    const responses = slowClients.map(({ first, more }) =>
      exchange(service.address, first, {
        timeoutMilliseconds: 20_000,
        ...(more === '' ? {} : { goOn: drip(more, 1000) }),
      }),
    );
    for (const [index, { isClosed, milliseconds, status }] of (
      await Promise.all(responses)
    ).entries()) {
      const caller = slowClients[index];
      expect([caller?.what, isClosed, status]).toEqual([caller?.what, true, caller?.status]);
      expect(milliseconds).toBeLessThan(15_000);
    }
  });

  test('a client that does not read its responses is disconnected', async () => {
    const { hostname, port } = new URL(withShortTimeouts.address);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.pause();
    // Far more than the buffers of two sockets hold.
    for (let asked = 0; asked < 400; asked += 1) {
      socket.write(requestBytes('GET /openapi.json', staying));
    }
    await until(async () => (await connectionsOf(withShortTimeouts)) === 0);
    expect(await connectionsOf(withShortTimeouts)).toBe(0);
    socket.destroy();
  });

  test('a request with short pauses gets its response', async () => {
    const body = '{"email":"nobody@example.com","password":"wrong password"}';
    const head = requestBytes('POST /auth/login/', { ...json, 'Content-Length': `${body.length}` });
    const goOn = async (socket: Socket) => {
      for (const part of [body.slice(0, 20), body.slice(20, 40), body.slice(40)]) {
        await sleep(50);
        socket.write(part);
      }
    };
    expect((await exchange(service.address, head, { goOn })).status).toBe(401);
  });

  test('the server has the timeouts of the table of limits', () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout, timeout } = service.server;
    expect({ headersTimeout, requestTimeout, keepAliveTimeout, timeout }).toEqual({
      headersTimeout: httpLimits.headersMilliseconds,
      requestTimeout: httpLimits.requestMilliseconds,
      keepAliveTimeout: httpLimits.keepAliveMilliseconds,
      timeout: httpLimits.silenceMilliseconds,
    });
    expect(service.server.maxConnections).toBe(5000);
    expect(small.server.maxConnections).toBe(maxConnections);
  });
});

describe.concurrent('large bodies', () => {
  const uploads: readonly (readonly [string, number, string, Readonly<Record<string, string>>])[] =
    [
      ['with its length', 413, '/auth/login/', { ...json, 'Content-Length': '64000000' }],
      ['in chunks', 413, '/auth/login/', chunked],
      [
        'in chunks, as a form',
        413,
        '/auth/login/',
        { ...chunked, 'Content-Type': 'application/x-www-form-urlencoded' },
      ],
      ['in chunks, to GraphQL', 413, '/graphql', chunked],
      ['in chunks, compressed', 415, '/auth/login/', { ...chunked, 'Content-Encoding': 'gzip' }],
      [
        'to a public route with an invalid token',
        413,
        '/auth/login/',
        { ...chunked, Authorization: 'Bearer x' },
      ],
      ['to a route for callers without a token', 401, '/auth/logout/', chunked],
      [
        'to a route for callers with an invalid token',
        401,
        '/auth/logout/',
        { ...chunked, Authorization: 'Bearer x' },
      ],
      ['to an unknown route', 404, '/nothing', chunked],
      ['by a method that is not allowed', 405, '/auth/profile/view/', chunked],
    ];

  test.each(uploads)(
    '64 MB %s: %i, and most of it is never read',
    async (_what, status, path, headers) => {
      const piece = 'x'.repeat(64_000);
      const written = 'Content-Length' in headers ? piece : `fa00\r\n${piece}\r\n`;
      let sentBytes = 0;
      const goOn = (socket: Socket) => {
        const more = () => {
          while (socket.writable && sentBytes < 64_000_000) {
            sentBytes += piece.length;
            if (!socket.write(written)) break;
          }
        };
        socket.on('drain', more);
        more();
      };
      const response = await exchange(service.address, requestBytes(`POST ${path}`, headers), {
        goOn,
      });
      expect(response.status).toBe(status);
      expect(response.headers.connection).toBe('close');
      expect(sentBytes).toBeLessThan(16_000_000);
    },
  );

  test('a body of 100,000 bytes is accepted, a longer one is refused', async () => {
    const of = (length: number) => {
      const body = '{"email":"a@b.example","password":"wrong"}'.padEnd(length);
      const headers = { ...json, 'Content-Length': `${length}` };
      return exchange(service.address, requestBytes('POST /auth/login/', headers, body));
    };
    expect((await of(100_000)).status).toBe(401);
    expect((await of(100_001)).status).toBe(413);
  });

  test.each([
    ['is accepted', 1000, /^HTTP\/1\.1 100 Continue/],
    ['is refused', 70_000_000, /^HTTP\/1\.1 413 /],
  ])(
    'the body of a client that sends "Expect: 100-continue" %s at once',
    async (_what, length, expected) => {
      const headers = { ...json, Expect: '100-continue', 'Content-Length': `${length}` };
      const { hostname, port } = new URL(service.address);
      const socket = connect(Number(port), hostname);
      socket.write(requestBytes('POST /auth/login/', headers));
      const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
      socket.destroy();
      expect(first.toString()).toMatch(expected);
    },
  );
});

describe('many connections', () => {
  test('a connection beyond MAX_CONNECTIONS is closed without a response, and closed ones make room again', async () => {
    const { hostname, port } = new URL(small.address);
    const kept = Array.from({ length: maxConnections }, () => connect(Number(port), hostname));
    for (const socket of kept) socket.write(requestBytes('GET /health/live', staying));
    await Promise.all(kept.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
    const beyond = await exchange(small.address, requestBytes('GET /health/live'));
    expect([beyond.status, beyond.isClosed]).toEqual([0, true]);
    kept.pop()?.destroy();
    await until(async () => (await connectionsOf(small)) < maxConnections);
    expect((await exchange(small.address, requestBytes('GET /health/live'))).status).toBe(200);
    for (const socket of kept) socket.destroy();
  });
});

function connectionsOf({ server }: TestService): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
