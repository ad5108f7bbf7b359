/**
 * `/forward-auth` behind nginx and Caddy from Debian, with the configurations of `deploy/`. A program that cannot be
 * installed is skipped. Traefik has no package in Debian.
 */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { superuser } from '../support/administrators.ts';
import { createKey, createServiceAccount } from '../support/api-keys.ts';
import { startForwardAuthCaddy } from '../support/caddy.ts';
import { canRun } from '../support/debian.ts';
import { freePort } from '../support/free-port.ts';
import { startForwardAuthNginx } from '../support/nginx.ts';
import { somebody } from '../support/people.ts';
import { type RawAnswer, rawRequest } from '../support/raw-request.ts';
import { startService, type TestService } from '../support/service.ts';
import { logOut } from '../support/session-calls.ts';

type Start = typeof startForwardAuthNginx;
type Proxy = Awaited<ReturnType<Start>>;

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let service: TestService;
let ada: Awaited<ReturnType<typeof somebody>>;
/** A user with more groups than a header has room for. */
let member: Awaited<ReturnType<typeof somebody>>;
const manyGroups = 40;
/** A key with a limit, so that the answer has neither an address nor groups. */
let robotKey: string;
let application: Server;
/** What the application has received. */
const received: Received[] = [];

beforeAll(async () => {
  service = await startService();
  ada = await somebody(service, { firstName: 'Zoë,' });
  await service.database.query(
    `with g as (insert into groups (id, name, description)
       values (gen_random_uuid(), 'Clerks, XL', '') returning id),
     p as (insert into permissions (id, codename, name)
       values (gen_random_uuid(), 'shop.view_order', 'View orders') returning id),
     gp as (insert into group_permissions (group_id, permission_id) select g.id, p.id from g, p)
     insert into user_groups (user_id, group_id) select $1, id from g`,
    [ada.userId],
  );
  member = await somebody(service);
  await service.database.query(
    `with g as (insert into groups (id, name, description)
       select gen_random_uuid(), 'A group with a long name for its members ' || n, ''
       from generate_series(1, $2::int) n returning id)
     insert into user_groups (user_id, group_id) select $1, id from g`,
    [member.userId, manyGroups],
  );
  const root = await superuser(service);
  const { id } = await createServiceAccount(service, root.accessToken);
  const limit = { serviceAccountId: id, permissions: [] };
  robotKey = (await createKey(service, root.accessToken, limit)).secret;
  application = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    received.push({ method: request.method, url: request.url, headers: request.headers, body });
    response.end('application');
  });
  application.listen(0, '127.0.0.1');
  await once(application, 'listening');
});
afterAll(async () => {
  application.closeAllConnections();
  application.close();
  await service.close();
});

const portOf = (server: Server) => String((server.address() as AddressInfo).port); // listens on TCP

/** Starts the proxy in front of the application. */
const startWith = (start: Start, query: string, gatehouse = portOf(service.server)) =>
  start({ gatehouse, application: portOf(application), query });

const ask = (
  { port }: Proxy,
  headers: Readonly<Record<string, string>>,
  { method = 'GET', body }: { readonly method?: string; readonly body?: string } = {},
): Promise<RawAnswer> =>
  rawRequest(`http://127.0.0.1:${port}`, [method, '/orders?page=2'], {
    headers: { host: 'app.example.com', ...headers },
    ...(body === undefined ? {} : { body }),
  });

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const forged = {
  'X-User-Id': 'forged',
  'x-user-email': 'forged@example.com',
  'X-USER-NAME': 'forged',
  'X-User-Groups': 'forged',
  // The answer of Gatehouse does not always have these.
  'X-User-Email-Verified': 'forged',
  'X-User-Groups-Omitted': 'forged',
};

/** Application servers with CGI names, such as those of WSGI and Rack, read these as the same headers. */
const lookAlikes = Object.fromEntries(
  ['Id', 'Email', 'Email-Verified', 'Name', 'Groups', 'Groups-Omitted'].flatMap((name) =>
    spellingsOf(`X-User-${name}`).map((spelling) => [spelling, 'forged']),
  ),
);

/** The name with `_` in the place of every combination of its hyphens, at least of one. */
function spellingsOf(name: string): string[] {
  const [first = '', ...rest] = name.split('-');
  const all = rest.reduce(
    (names, part) => names.flatMap((before) => [`${before}-${part}`, `${before}_${part}`]),
    [first],
  );
  return all.filter((spelling) => spelling !== name);
}

/** The headers of a request as CGI variables. */
const cgiOf = (headers: IncomingHttpHeaders) =>
  Object.entries(headers).map(
    ([name, value]) => [name.toUpperCase().replaceAll('-', '_'), value] as const,
  );

/** The requests that reach the application while `work` runs. */
async function receivedDuring(work: () => Promise<RawAnswer>) {
  const before = received.length;
  const { status, headers } = await work();
  return { status, headers, requests: received.slice(before) };
}

const proxies = [
  // nginx turns every answer but 401 and 403 into 500, Caddy passes it on.
  ['nginx', 'nginx-light', startForwardAuthNginx, { misspelt: 500, unreachable: 500 }],
  ['caddy', 'caddy', startForwardAuthCaddy, { misspelt: 400, unreachable: 502 }],
] as const;

for (const [program, debianPackage, start, statuses] of proxies) {
  const isInstalled = process.platform === 'linux' && canRun(program, debianPackage);
  if (!isInstalled) console.warn(`skipped: ${program} is not there and cannot be installed`);

  describe.skipIf(!isInstalled)(`${program} asks Gatehouse`, { timeout: 60_000 }, () => {
    let proxy: Proxy;
    /** Requires a credential only. */
    let all: Proxy;
    beforeAll(async () => {
      const query = '?permission=shop.view_order&group=Clerks%2C%20XL';
      proxy = await startWith(start, query);
      all = await startWith(start, '?');
    });
    afterAll(() => Promise.all([proxy[Symbol.asyncDispose](), all[Symbol.asyncDispose]()]));

    test('a user with permission and group reaches the application, with the identity and the body', async () => {
      const { status, requests } = await receivedDuring(() =>
        ask(proxy, bearer(ada.accessToken), { method: 'POST', body: 'order=1' }),
      );
      expect(status).toBe(200);
      expect(requests).toHaveLength(1);
      expect(requests[0]).toMatchObject({
        method: 'POST',
        url: '/orders?page=2',
        body: 'order=1',
        headers: {
          'x-user-id': ada.userId,
          'x-user-email': ada.email,
          'x-user-email-verified': 'true',
          'x-user-name': 'Zo%C3%AB, Lovelace',
          'x-user-groups': 'Clerks%2C XL',
        },
      });
      expect(requests[0]?.headers).not.toHaveProperty('authorization');
    });

    test('headers about the identity that a client sends never reach the application', async () => {
      const without = await receivedDuring(() => ask(proxy, forged));
      expect([without.status, without.requests]).toEqual([401, []]);
      const { status, requests } = await receivedDuring(() =>
        ask(proxy, { ...forged, ...bearer(ada.accessToken) }),
      );
      expect(status).toBe(200);
      expect(JSON.stringify(requests[0]?.headers)).not.toContain('forged');
      expect(requests[0]?.headers['x-user-id']).toBe(ada.userId);
    });

    test('a header whose name looks like one of the identity never reaches the application', async () => {
      for (const [name, value] of Object.entries(lookAlikes)) {
        const { status, requests } = await receivedDuring(() =>
          ask(proxy, { [name]: value, [name.toUpperCase()]: value, ...bearer(ada.accessToken) }),
        );
        expect(status).toBe(200);
        expect(JSON.stringify(requests[0]?.headers), name).not.toContain('forged');
        const ids = cgiOf(requests[0]?.headers ?? {}).filter(([cgi]) => cgi === 'X_USER_ID');
        expect(ids).toEqual([['X_USER_ID', ada.userId]]);
      }
    });

    test('a header that the answer does not have is not there, and a client cannot add it', async () => {
      const { status, requests } = await receivedDuring(() =>
        ask(all, { ...forged, ...lookAlikes, ...bearer(robotKey) }),
      );
      expect(status).toBe(200);
      const headers = requests[0]?.headers ?? {};
      expect(JSON.stringify(headers)).not.toContain('forged');
      expect(headers['x-user-name']).toBe('robot');
      const names = Object.keys(headers).filter((name) => name.startsWith('x-user'));
      expect(names.sort()).toEqual(['x-user-id', 'x-user-name']);
    });

    test('the number of groups that do not fit reaches the application', async () => {
      const { requests } = await receivedDuring(() => ask(all, bearer(member.accessToken)));
      const { 'x-user-groups': groups, 'x-user-groups-omitted': omitted } =
        requests[0]?.headers ?? {};
      expect(String(groups).split(',').length + Number(omitted)).toBe(manyGroups);
      expect(Number(omitted)).toBeGreaterThan(0);
    });

    test('without a token, and with an invalid one, the client gets 401 with the challenge', async () => {
      const anonymous = await receivedDuring(() => ask(proxy, {}));
      expect([anonymous.status, anonymous.headers['www-authenticate']]).toEqual([401, 'Bearer']);
      const invalid = await receivedDuring(() => ask(proxy, bearer('x.y.z')));
      expect([invalid.status, invalid.headers['www-authenticate']]).toEqual([
        401,
        'Bearer error="invalid_token"',
      ]);
      expect([...anonymous.requests, ...invalid.requests]).toEqual([]);
    });

    test('a preflight does not reach the application, because it has no token', async () => {
      const { status, requests } = await receivedDuring(() =>
        ask(
          proxy,
          { origin: 'https://other.example', 'access-control-request-method': 'GET' },
          { method: 'OPTIONS' },
        ),
      );
      expect([status, requests]).toEqual([401, []]);
    });

    test('a revoked token is refused at once', async () => {
      const other = await somebody(service);
      expect((await ask(all, bearer(other.accessToken))).status).toBe(200);
      await logOut(service, other.accessToken);
      const { status, requests } = await receivedDuring(() => ask(all, bearer(other.accessToken)));
      expect([status, requests]).toEqual([401, []]);
    });

    test.each([
      ['?permission=shop.delete_order', 403],
      ['?permission=shop.view_order&group=Managers', 403],
      ['?permissions=shop.view_order', statuses.misspelt],
    ])('a caller that does not meet %s does not reach the application', async (query, status) => {
      await using strict = await startWith(start, query);
      const answer = await receivedDuring(() => ask(strict, bearer(ada.accessToken)));
      expect([answer.status, answer.requests]).toEqual([status, []]);
    });

    test('a method and a URL that the client invents decide nothing', async () => {
      await using strict = await startWith(start, '?permission=shop.delete_order');
      const { status, requests } = await receivedDuring(() =>
        ask(strict, {
          ...bearer(ada.accessToken),
          'x-forwarded-method': 'OPTIONS',
          'x-forwarded-uri': '/public',
          'x-original-url': '/public',
        }),
      );
      expect([status, requests]).toEqual([403, []]);
      const line = service.logLines
        .map((text) => JSON.parse(text))
        .findLast(({ route }) => route === '/forward-auth');
      expect(line).toMatchObject({ forwardedMethod: 'GET', forwardedPath: '/orders' });
    });

    test('without Gatehouse nothing reaches the application', async () => {
      await using alone = await startWith(start, '?', String(await freePort()));
      const { status, requests } = await receivedDuring(() => ask(alone, bearer(ada.accessToken)));
      expect([status, requests]).toEqual([statuses.unreachable, []]);
    });
  });
}
