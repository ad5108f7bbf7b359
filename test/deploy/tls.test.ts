/**
 * The TLS setups of docs/deployment.md with real programs: nginx in front of HAProxy, and HAProxy alone.
 * Skipped if one of them cannot be installed.
 */
import { rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createServerCertificate, type ServerCertificate } from '../support/certificates.ts';
import { canRun } from '../support/debian.ts';
import { type Haproxy, startHaproxy } from '../support/haproxy.ts';
import { startNginx } from '../support/nginx.ts';
import { goodPassword } from '../support/people.ts';
import { type Replicas, startReplicas } from '../support/replicas.ts';
import { makeScratchDirectory } from '../support/scratch.ts';

const isInstalled =
  process.platform === 'linux' &&
  canRun('openssl', 'openssl') &&
  canRun('haproxy', 'haproxy') &&
  canRun('nginx', 'nginx-light');

const [replica, client, forged] = ['127.0.0.4', '127.0.0.9', '203.0.113.9'];
const host = 'auth.example.com';
const email = 'root@example.com';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Target {
  readonly port: number;
  readonly isPlain?: boolean;
}

describe.skipIf(!isInstalled)('with TLS', { timeout: 60_000 }, () => {
  let directory: string;
  let certificates: ServerCertificate;
  let replicas: Replicas;

  beforeAll(async () => {
    directory = makeScratchDirectory('tls');
    certificates = createServerCertificate(directory, [host]);
    replicas = await startReplicas([replica], {
      TRUST_PROXY: '1',
      DEBUG: 'False',
      PUBLIC_URL: `https://${host}`,
      ALLOWED_HOSTS: host,
      DEFAULT_ADMIN_EMAIL: email,
      DEFAULT_ADMIN_PASSWORD: goodPassword,
    });
  });
  afterAll(async () => {
    await replicas[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  const haproxyWith = (options: { trustedProxies?: string[]; certificate?: string }) =>
    startHaproxy({ replicas: [replica], replicaPort: replicas.port, ...options });

  /** A request from the address of the client. It trusts only the certificate authority of the test. */
  function send(
    { port, isPlain = false }: Target,
    path: string,
    { body, token, headers = {} }: { body?: object; token?: string; headers?: object } = {},
  ): Promise<Answer> {
    const options = {
      host: '127.0.0.1',
      port,
      path,
      method: body ? 'POST' : 'GET',
      localAddress: client,
      agent: false,
      headers: {
        host,
        ...(body ? { 'content-type': 'application/json' } : {}),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
    };
    return new Promise((resolve, reject) => {
      const outgoing = isPlain
        ? plainRequest(options)
        : request({ ...options, servername: host, ca: certificates.ca });
      outgoing.once('error', reject);
      outgoing.once('response', async (incoming) => {
        let text = '';
        for await (const chunk of incoming) text += String(chunk);
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text });
      });
      outgoing.end(body && JSON.stringify(body));
    });
  }

  /** Logs in with forged headers and returns the address in the session list. */
  async function addressOfSession(target: Target): Promise<string> {
    const headers = { 'x-forwarded-for': `${forged}, ${forged}`, 'x-real-ip': forged };
    const credentials = { email, password: goodPassword };
    const login = await send(target, '/auth/login/', { body: credentials, headers });
    expect([login.status, login.text]).toEqual([200, expect.stringContaining('access_token')]);
    const token: string = JSON.parse(login.text).data.access_token;
    const query = '{ me { sessions { current ipAddress } } }';
    const { text } = await send(target, '/graphql', { body: { query }, token, headers });
    const sessions: { current: boolean; ipAddress: string }[] = JSON.parse(text).data.me.sessions;
    return sessions.find(({ current }) => current)?.ipAddress ?? '';
  }

  const portOf = ({ address }: Pick<Haproxy, 'address'>) => Number(new URL(address).port);

  test('nginx, HAProxy and the service keep the address of the client, and trust no other', async () => {
    await using haproxy = await haproxyWith({ trustedProxies: ['127.0.0.1'] });
    await using nginx = await startNginx(String(portOf(haproxy)), certificates);
    const outside = { port: nginx.tlsPort };
    expect(await addressOfSession(outside)).toBe(client);
    // A client that bypasses nginx is not a trusted proxy.
    expect(await addressOfSession({ port: portOf(haproxy), isPlain: true })).toBe(client);

    const { status, headers, text } = await send(outside, '/.well-known/jwks.json');
    expect([status, text]).toEqual([200, expect.stringContaining('"keys"')]);
    expect(headers['strict-transport-security']).toMatch(/^max-age=\d{8}/);
    const plain = await send({ port: nginx.plainPort, isPlain: true }, '/docs');
    expect([plain.status, plain.headers.location]).toEqual([308, `https://${host}/docs`]);
  });

  test('mails link to https', async () => {
    await using haproxy = await haproxyWith({ trustedProxies: ['127.0.0.1'] });
    await using nginx = await startNginx(String(portOf(haproxy)), certificates);
    const to = 'ada@example.com';
    const names = { first_name: 'Ada', last_name: 'Lovelace' };
    const body = { email: to, password: goodPassword, ...names };
    const { status } = await send({ port: nginx.tlsPort }, '/auth/register/', { body });
    expect(status).toBe(201);
    const [mail] = await replicas.mail.waitFor(to);
    const links = mail?.text.match(/https?:\/\/[^/\s]+/g) ?? [];
    expect(new Set(links)).toEqual(new Set([`https://${host}`]));
  });

  test('without a list of proxies, a proxy in front is the client', async () => {
    await using haproxy = await haproxyWith({});
    await using nginx = await startNginx(String(portOf(haproxy)), certificates);
    expect(await addressOfSession({ port: nginx.tlsPort })).toBe('127.0.0.1');
  });

  test('HAProxy terminates TLS, and redirects plain requests to https', async () => {
    await using haproxy = await haproxyWith({ certificate: certificates.bundleFile });
    const target = { port: haproxy.tlsPort ?? 0 };
    expect(await addressOfSession(target)).toBe(client);
    const { headers } = await send(target, '/.well-known/jwks.json');
    expect(headers['strict-transport-security']).toMatch(/^max-age=\d{8}/);
    const plain = await send({ port: portOf(haproxy), isPlain: true }, '/docs?a=b');
    expect([plain.status, plain.headers.location]).toEqual([308, `https://${host}/docs?a=b`]);
  });
});
