/** Traces, exported to a collector with OTLP over HTTP. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { expect, test, vi } from 'vitest';
import { createClient } from '../support/client.ts';
import { environmentOf, startServer } from '../support/command.ts';
import { createTestDatabase } from '../support/database.ts';
import { startMailServer } from '../support/mail-server.ts';
import { goodPassword, newAddress } from '../support/people.ts';
import { until } from '../support/until.ts';

vi.setConfig({ testTimeout: 60_000 });

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly status: { code?: number };
}

/** An OpenTelemetry collector that stores what it receives. */
async function startCollector() {
  const spans: Span[] = [];
  const requests: { url: string | undefined; key: unknown; resource: string }[] = [];
  const server = createServer(async (request, response) => {
    // biome-ignore lint/suspicious/noExplicitAny: OTLP, looked into field by field
    const { resourceSpans } = (await json(request)) as any;
    for (const { resource, scopeSpans } of resourceSpans) {
      const { url, headers } = request;
      requests.push({ url, key: headers['x-key'], resource: JSON.stringify(resource) });
      for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // listens on TCP
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    requests,
    [Symbol.asyncDispose]: async () => void server.close(),
  };
}

test('a request, its operation, statements, password hash and mail have spans without secrets', async () => {
  await using collector = await startCollector();
  const [database, mail] = await Promise.all([createTestDatabase(), startMailServer()]);
  const server = await startServer({
    environment: {
      ...environmentOf(database, mail),
      ALLOWED_HOSTS: '127.0.0.1',
      DEBUG: 'False',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=a%20key',
      OTEL_SERVICE_NAME: 'auth-test',
      OTEL_BSP_SCHEDULE_DELAY: '100',
    },
    limitMilliseconds: 50_000,
  });
  const email = newAddress();
  const traceId = randomBytes(16).toString('hex');
  const client = createClient(server.address);
  const answer = await client.rest('POST', '/register/', {
    headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    json: {
      email,
      first_name: 'A',
      last_name: 'B',
      password: goodPassword,
      password2: goodPassword,
    },
  });
  expect(answer.status).toBe(201);
  const [received] = await mail.waitFor(email);
  const code = /^Code: (\S+)$/m.exec(received?.text ?? '')?.[1] ?? 'no code';
  await client.rest('GET', `/register/verify?code=${code}`);
  const refused =
    'mutation { login(input: { email: "x@example.com", password: "wr0ng-secret" }) { __typename } }';
  await client.graphql(refused, {}, undefined);
  await until(() => collector.spans.some(({ name }) => name === 'mail verify-email'));
  expect(await server.end('SIGTERM')).toMatchObject({ code: 0 });
  await mail.close();
  await database.drop();

  const ofRequest = collector.spans.filter((span) => span.traceId === traceId);
  const [root] = ofRequest.filter(({ name }) => name === 'POST /auth/register/');
  expect(root).toMatchObject({ kind: 2, parentSpanId: '00f067aa0ba902b7' });
  expect(root?.attributes).toContainEqual({
    key: 'http.response.status_code',
    value: { intValue: 201 },
  });
  const [operation] = ofRequest.filter(({ name }) => name === 'mutation register');
  expect(operation?.parentSpanId).toBe(root?.spanId);
  const [hash] = ofRequest.filter(({ name }) => name === 'password hash');
  expect(hash?.parentSpanId).toBe(operation?.spanId);
  expect(ofRequest.find(({ name }) => name === 'argon2 hash')?.parentSpanId).toBe(hash?.spanId);
  const statements = ofRequest.filter(({ name }) => name === 'SELECT');
  expect(JSON.stringify(statements)).toContain('add_registration(');

  const [mailed] = collector.spans.filter(({ name }) => name === 'mail verify-email');
  const [job] = collector.spans.filter(({ spanId }) => spanId === mailed?.parentSpanId);
  expect(job?.name).toBe('job send-mail');

  expect(collector.requests[0]).toMatchObject({ url: '/v1/traces', key: 'a key' });
  expect(collector.requests[0]?.resource).toContain('auth-test');
  expect(server.output()).toMatch(new RegExp(`"traceId":"${traceId}".*"route":"/auth/register/"`));
  const exported = JSON.stringify(collector.spans);
  expect(exported).toContain('insert into');
  for (const secret of [email, goodPassword, code, 'wr0ng-secret', 'x@example.com']) {
    expect(exported).not.toContain(secret);
  }
});
