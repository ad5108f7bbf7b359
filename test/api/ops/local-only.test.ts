/** Local routes: they do not exist for requests through a proxy. */
import {
  createServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startService, type TestService } from '../../support/service.ts';

const paths = [
  '/metrics',
  '/dev/mailbox',
  '/dev/mailbox/',
  '/dev/mailbox/00000000-0000-0000-0000-000000000000/html',
  '/dev/mailbox/preview/verify-email',
  '/dev/mailbox/preview/verify-email/html',
];

interface Proxy {
  readonly address: string;
  readonly server: Server;
}

/** A reverse proxy on this machine that adds the headers `added` and passes on the Host header. */
async function startProxy(target: string, added: IncomingHttpHeaders): Promise<Proxy> {
  const server = createServer((request, response) => {
    const headers = { ...request.headers, ...added };
    const { method, url } = request;
    const forwarded = httpRequest(new URL(url ?? '/', target), { method, headers }, (upstream) => {
      response.writeHead(upstream.statusCode ?? 502, upstream.headers);
      upstream.pipe(response);
    });
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listens on TCP
  return { address: `http://127.0.0.1:${port}`, server };
}

const statusesAt = (address: string, headers: Record<string, string> = {}) =>
  Promise.all(
    paths.map(async (path) => {
      const response = await fetch(`${address}${path}`, { headers });
      await response.text();
      return response.status;
    }),
  );

describe.each(['0', '1'])('J13: with TRUST_PROXY=%s', (hops) => {
  let service: TestService;
  const proxies: Proxy[] = [];
  beforeAll(async () => {
    service = await startService({
      environment: { EMAIL_HOST: '', TRUST_PROXY: hops, ALLOWED_HOSTS: '*' },
    });
  });
  afterAll(async () => {
    for (const { server } of proxies) server.close();
    await service.close();
  });

  test('a local request can read the metrics and the mailbox', async () => {
    expect(await statusesAt(service.address)).toEqual([200, 200, 200, 404, 200, 200]);
    expect(await statusesAt(service.address, { host: 'localhost' })).toContain(200);
  });

  test.each<[string, IncomingHttpHeaders]>([
    ['X-Forwarded-For', { 'x-forwarded-for': '203.0.113.7' }],
    ['an X-Forwarded-For that says loopback', { 'x-forwarded-for': '127.0.0.1' }],
    ['an X-Forwarded-For without an address', { 'x-forwarded-for': 'unknown' }],
    ['an empty X-Forwarded-For', { 'x-forwarded-for': '' }],
    ['X-Forwarded-Proto', { 'x-forwarded-proto': 'https' }],
    ['X-Real-IP', { 'x-real-ip': '203.0.113.7' }],
    ['Forwarded', { forwarded: 'for=203.0.113.7' }],
    ['Via', { via: '1.1 proxy' }],
    ['CF-Connecting-IP', { 'cf-connecting-ip': '203.0.113.7' }],
    ['the public name alone', { host: 'auth.example.com' }],
    ['a public name that begins with localhost', { host: 'localhost.example.com' }],
  ])('J13: a proxy on this machine that sends %s reaches none of them', async (_, added) => {
    const proxy = await startProxy(service.address, added);
    proxies.push(proxy);
    expect(await statusesAt(proxy.address)).toEqual(paths.map(() => 404));
  });

  test('J13: other methods of the mailbox do not reveal that it exists', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.7' };
    for (const method of ['HEAD', 'POST', 'DELETE', 'OPTIONS']) {
      const response = await fetch(`${service.address}/dev/mailbox`, { method, headers });
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 404, null]);
    }
  });
});
