/** Pipelining works, and connections with unread responses hold neither files nor memory. */
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { httpLimits } from '../../../src/api/http/limits.ts';
import { somebody } from '../../support/people.ts';
import { exchange } from '../../support/raw-socket.ts';
import { startService, type TestService } from '../../support/service.ts';

const key = randomBytes(32).toString('base64url');
let service: TestService;
beforeAll(async () => {
  service = await startService({
    environment: { LOG_LEVEL: 'silent', REVOCATION_FEED_KEY: key },
  });
});
afterAll(() => service.close());

const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
const openFiles = () => readdirSync('/proc/self/fd').length;
const megabytes = () => process.memoryUsage().rss / 2 ** 20;

/** Sends the bytes and reads no response. */
async function deafCaller(bytes: string): Promise<Socket> {
  const { hostname, port } = new URL(service.address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined); // the service may close it
  socket.pause();
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(bytes);
  return socket;
}

const largeFile = '/docs/static/swagger-ui-bundle.js';

describe('J11: 40 connections with unread responses', () => {
  test.each([
    ['120 requests of a large file', get(largeFile).repeat(120)],
    ['120 requests of a file of the IDE', get('/graphql/ide/main.js').repeat(120)],
    ['120 requests of the API description', get('/openapi.json').repeat(120)],
    ['120 requests of a style sheet', get('/assets/gatehouse.css').repeat(120)],
    ['as many requests as fit into one packet', get('/health/ready').repeat(1600)],
  ])('J11: %s hold no files and little memory', async (_what, bytes) => {
    await (await fetch(`${service.address}${largeFile}`)).arrayBuffer(); // is cached in memory from then on
    const [filesBefore, memoryBefore] = [openFiles(), megabytes()];
    const callers = await Promise.all(Array.from({ length: 40 }, () => deafCaller(bytes)));
    let [files, memory] = [0, 0];
    for (let round = 0; round < 20; round += 1) {
      await sleep(50);
      [files, memory] = [Math.max(files, openFiles()), Math.max(memory, megabytes())];
    }
    for (const caller of callers) caller.destroy();
    // Both ends of each connection are in this process.
    expect(files - filesBefore).toBeLessThanOrEqual(80 + 10);
    expect(memory - memoryBefore).toBeLessThan(150);
    expect((await fetch(`${service.address}/health/live`)).status).toBe(200);
  });
});

test('J11: a hundred pipelined requests get their responses in order', async () => {
  const paths = Array.from({ length: 100 }, (_, at) => `/pipelined/${at}`);
  const requests = paths.map((_, at) =>
    get(at % 2 === 0 ? '/health/live' : '/nothing', at === 99 ? 'Connection: close\r\n' : ''),
  );
  const { text, status } = await exchange(service.address, requests.join(''));
  const statuses = [
    status,
    ...[...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, code]) => Number(code)),
  ];
  expect(statuses).toEqual(paths.map((_, at) => (at % 2 === 0 ? 200 : 404)));
});

test('J11: bodies of pipelined requests arrive complete', async () => {
  const body = JSON.stringify({ query: `{ __typename } # ${'x'.repeat(50_000)}` });
  const head = `POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n`;
  const bytes = `${head}\r\n${body}${head}\r\n${body}${head}Connection: close\r\n\r\n${body}`;
  const { text } = await exchange(service.address, bytes);
  expect(text.match(/"__typename":"Query"/g)).toHaveLength(3);
});

test('J11: a pipelined request is executed after an earlier one with an unsafe method', async () => {
  const { email, accessToken } = await somebody(service);
  const post = (path: string, body: object, more = '') => {
    const text = JSON.stringify(body);
    const head = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${accessToken}\r\n`;
    return `${head}Content-Type: application/json\r\nContent-Length: ${text.length}\r\n${more}\r\n${text}`;
  };
  const rename = (firstName: string) =>
    post('/graphql', {
      query: `mutation { updateProfile(input: { firstName: "${firstName}" }) { __typename } }`,
    });
  const view = (more = '') =>
    get('/auth/profile/view/', `Authorization: Bearer ${accessToken}\r\n${more}`);
  const names = Array.from({ length: 8 }, (_, at) => `Name${at}`);
  const requests = names.flatMap((name) => [rename(name), view()]);
  const { text } = await exchange(
    service.address,
    `${requests.join('')}${view('Connection: close\r\n')}`,
  );
  const seen = [...text.matchAll(/"email":"([^"]+)"[^}]*"first_?[nN]ame":"([^"]+)"/g)];
  expect(seen.map(([, address, name]) => [address, name])).toEqual(
    [...names, names.at(-1)].map((name) => [email, name]),
  );
});

test('J11: more requests than may wait end the connection', async () => {
  // The response to the first request never ends.
  const stream = get('/revocations', `Authorization: Bearer ${key}\r\n`);
  const more = get('/health/live').repeat(4 * httpLimits.pipelinedRequests);
  const caller = await deafCaller(stream + more);
  const isEnded = new Promise<boolean>((resolve) => {
    caller.once('close', () => resolve(true));
    setTimeout(() => resolve(false), 5000).unref();
  });
  caller.resume();
  expect(await isEnded).toBe(true);
});

test('static files have a length and an ETag, and a client with the current ETag gets no body', async () => {
  for (const path of [
    '/docs',
    '/docs/static/swagger-ui.css',
    '/graphql/ide/styles.css',
    '/openapi.json',
  ]) {
    const first = await fetch(`${service.address}${path}`);
    const length = (await first.arrayBuffer()).byteLength;
    const etag = first.headers.get('etag') ?? '';
    expect(first.headers.get('content-length')).toBe(String(length));
    const again = await fetch(`${service.address}${path}`, { headers: { 'if-none-match': etag } });
    expect([path, again.status, await again.text()]).toEqual([path, 304, '']);
    const head = await fetch(`${service.address}${path}`, { method: 'HEAD' });
    expect([path, head.headers.get('content-length')]).toEqual([path, String(length)]);
  }
  for (const path of [
    '/docs/static/../../package.json',
    '/docs/static/%2e%2e/package.json',
    '/docs/static/none.js',
  ]) {
    expect((await exchange(service.address, get(path, 'Connection: close\r\n'))).status).toBe(404);
  }
});
