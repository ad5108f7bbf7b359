/** Sessions with a failing database, with lost responses and with many ended sessions: none is lost. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RestAnswer } from '../../support/client.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type DatabaseWire, openDatabaseWire } from '../../support/database-wire.ts';
import { createIdleUser } from '../../support/idle-user.ts';
import { startOwnServer } from '../../support/own-server.ts';
import { type Login, somebody, tryLogin } from '../../support/people.ts';
import { expectRefusal } from '../../support/refusals.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn, refresh, sessionIdOf, unsigned } from '../../support/session-calls.ts';
import { until } from '../../support/until.ts';

let database: TestDatabase;
let wire: DatabaseWire;
let service: TestService;
beforeAll(async () => {
  database = await createTestDatabase();
  wire = await openDatabaseWire(database.url);
  service = await startService({ database: { ...database, url: wire.url } });
});
afterAll(async () => {
  await service.close();
  await wire[Symbol.asyncDispose]();
  await database.drop();
});

const send = (refreshToken: string, at: TestService = service) =>
  at.rest('POST', '/token/refresh/', { json: { refresh_token: refreshToken } });

/** Checks for OVERLOADED with a Retry-After header. */
function expectOverloaded(response: RestAnswer): void {
  expectRefusal(response, 'OVERLOADED');
  expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
}

/** The position of the session in its refresh chain, or undefined if it has ended. */
async function counterOf({ accessToken }: Login): Promise<number | undefined> {
  const [row] = await database.query<{ counter: number }>(
    'select refresh_counter as counter from sessions where id = $1 and ended_at is null',
    [sessionIdOf(accessToken)],
  );
  return row?.counter;
}

describe('a refresh during a failure of the database connection', () => {
  const advance = /^update sessions/;

  test('before its statement leaves the refresh token valid', async () => {
    const ada = await createIdleUser(service);
    const isCut = wire.cutAt(advance);
    const responses = [await send(ada.refreshToken)];
    await isCut;
    responses.push(await send(ada.refreshToken));
    for (const response of responses) expectOverloaded(response);
    const { data, errors } = await service.graphql(
      'mutation ($token: String!) { refreshTokens(refreshToken: $token) { __typename } }',
      { token: ada.refreshToken },
    );
    expect([data, errors?.[0]?.extensions]).toEqual([null, { code: 'OVERLOADED', retryAfter: 1 }]);
    await wire.mend();
    service.advance(60);
    const next = await refresh(service, ada.refreshToken);
    expect(next).toBeDefined();
    expect(await counterOf(ada)).toBe(1);
    expect(await refresh(service, next?.refreshToken ?? '')).toBeDefined();
  });

  test('after its statement returns the same tokens to a retry', async () => {
    const ada = await createIdleUser(service);
    const { reached } = wire.holdAnswerTo(advance);
    const early = send(ada.refreshToken);
    await reached;
    await wire.cut();
    expectOverloaded(await early);
    await wire.mend();
    const next = await refresh(service, ada.refreshToken);
    expect(next).toBeDefined();
    expect(await counterOf(ada)).toBe(1);
  });
});

/** More than the connections of the pool, so that leaked connections are detected. */
const clientCount = 16;

test('PostgreSQL stops during parallel refreshes: each returns 503, and all sessions work afterwards', async () => {
  await using server = await startOwnServer();
  const ownDatabase = await server.createDatabase();
  await using failing = await openDatabaseWire(ownDatabase.url);
  await using own = await startService({ database: { ...ownDatabase, url: failing.url } });
  const { email } = await createIdleUser(own);
  const logins: Login[] = await Promise.all(
    Array.from({ length: clientCount }, () => tryLogin(own, email)),
  );
  let rejected = 0;
  /** Refreshes until a rejection, and returns the newest token. */
  const refreshUntilRejected = async ({ refreshToken }: Login): Promise<string> => {
    for (let leaf = refreshToken; ; ) {
      const response = await send(leaf, own);
      if (response.status !== 200) {
        expectOverloaded(response);
        rejected += 1;
        return leaf;
      }
      leaf = response.body.data.refresh_token;
    }
  };
  const refreshes = logins.map(refreshUntilRejected);
  await server.stop();
  const leaves = await Promise.all(refreshes);
  expect(rejected).toBe(clientCount);
  const [first = ''] = leaves;
  expectOverloaded(await send(first, own));
  await server.start();
  await failing.cut();
  await failing.mend(server.urlOf(ownDatabase));
  await until(async () => (await send(first, own)).status === 200);
  for (const leaf of leaves) {
    const next = await refresh(own, leaf);
    expect(await refresh(own, next?.refreshToken ?? '')).toBeDefined();
  }
  await ownDatabase.drop();
});

describe('a client that loses the response', () => {
  /** Sends a refresh and disconnects: at once, or at the first bytes of the response. */
  async function sendAndDisconnect(refreshToken: string, waitsForBytes: boolean): Promise<void> {
    const { hostname, port } = new URL(service.address);
    const body = JSON.stringify({ refresh_token: refreshToken });
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, 'connect');
    const head = `POST /auth/token/refresh/ HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    await new Promise((resolve) => socket.write(head + body, resolve));
    if (waitsForBytes) await once(socket, 'data');
    socket.destroy();
  }

  test.each([
    ['after its first bytes', true],
    ['at a random time', false],
  ])(
    '%s gets the same refresh token and the same claims from a retry',
    async (_what, waitsForBytes) => {
      const { email } = await somebody(service);
      for (let round = 0; round < 15; round += 1) {
        const login: Login = await tryLogin(service, email);
        await sendAndDisconnect(login.refreshToken, waitsForBytes);
        const [one, other] = await Promise.all([
          refresh(service, login.refreshToken),
          refresh(service, login.refreshToken),
        ]);
        if (!one || !other) throw new Error('the session has ended');
        expect(unsigned(other)).toEqual(unsigned(one));
        expect(await counterOf(login)).toBe(1);
        expect(await isIn(service, one.accessToken)).toBe(true);
        // The request without a wait may still arrive, and the former token is valid in the grace period.
        if (waitsForBytes) expect(await refresh(service, one.refreshToken)).toBeDefined();
      }
    },
  );
});

describe('two thousand old sessions of a user', () => {
  const history = `
    insert into sessions (id, user_id, created_at, last_used_at, expires_at, ended_at, end_reason, ip_address, user_agent)
    select gen_random_uuid(), $1, now() - interval '9 days', now() - interval '9 days',
      now() + interval '1 day' * (case when n % 2 = 0 then -1 else 5 end),
      case when n % 2 = 0 then null else now() - interval '8 days' end, 'logged-out', '', ''
    from generate_series(1, 2000) n`;

  /** The statements of frequent operations. */
  async function statementsOfOperations({ email, ...login }: Login & { readonly email: string }) {
    const statementsOf = async (work: () => Promise<unknown>) => {
      const before = wire.statements.length;
      await work();
      // The text of a statement contains its values.
      return wire.statements.slice(before).map((text) => text.replace(/'[^']*'|\b\d+\b/g, '…'));
    };
    await isIn(service, login.accessToken);
    return {
      me: await statementsOf(() => isIn(service, login.accessToken)),
      refresh: await statementsOf(() => refresh(service, login.refreshToken)),
      sessions: await statementsOf(async () => {
        const { data } = await service.graphql(
          '{ me { sessions { id current } } }',
          {},
          login.accessToken,
        );
        expect(data.me.sessions).toEqual([{ id: sessionIdOf(login.accessToken), current: true }]);
      }),
      login: await statementsOf(() => tryLogin(service, email)),
    };
  }

  test('add no statement to a query, a refresh, the list of sessions or a login', async () => {
    const [ada, old] = [await createIdleUser(service), await createIdleUser(service)];
    const usual = await statementsOfOperations(ada);
    expect(usual.me).toEqual([]);
    expect(usual.refresh.length).toBeLessThanOrEqual(2);
    await database.query(history, [old.userId]);
    expect(await statementsOfOperations(old)).toEqual(usual);
  });
});
