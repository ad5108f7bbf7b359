/** What a failing database, a lost answer and a long history do to a session: nothing. */
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
import { isIn, refresh, sessionIdOf } from '../../support/session-calls.ts';
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

/** Whether it is the refusal that says: not now, and nothing has happened. */
function expectOverloaded(answer: RestAnswer): void {
  expectRefusal(answer, 'OVERLOADED');
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
}

/** The session's place in its chain. */
async function counterOf({ accessToken }: Login): Promise<number | undefined> {
  const [row] = await database.query<{ counter: number }>(
    'select refresh_counter as counter from sessions where id = $1 and ended_at is null',
    [sessionIdOf(accessToken)],
  );
  return row?.counter;
}

describe('a refresh during which the database goes away', () => {
  const moments: Readonly<Record<string, RegExp>> = {
    'before it begins': /^begin/i,
    'before the chain is moved on': /^update sessions/,
    'before the user is read': /^select .* from "users"/,
    'before the end of the transaction': /^commit/i,
  };

  test.each(Object.entries(moments))(
    '%s burns nothing, however long that lasts',
    async (_when, pattern) => {
      const ada = await createIdleUser(service);
      const isCut = wire.cutAt(pattern);
      const answers = [await send(ada.refreshToken)];
      await isCut;
      answers.push(await send(ada.refreshToken));
      for (const answer of answers) expectOverloaded(answer);
      const { data, errors } = await service.graphql(
        'mutation ($token: String!) { refreshTokens(refreshToken: $token) { __typename } }',
        { token: ada.refreshToken },
      );
      expect([data, errors?.[0]?.extensions]).toEqual([
        null,
        { code: 'OVERLOADED', retryAfter: 1 },
      ]);
      await wire.mend();
      service.advance(60);
      const next = await refresh(service, ada.refreshToken);
      expect(next).toBeDefined();
      expect(await counterOf(ada)).toBe(1);
      expect(await refresh(service, next?.refreshToken ?? '')).toBeDefined();
    },
  );

  test('after its end was recorded gives the same tokens to whoever asks again', async () => {
    const ada = await createIdleUser(service);
    const { reached } = wire.holdAnswerTo(/^commit/i);
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

/** More than there are connections, so that one that were lost for each would be missed. */
const crowdSize = 16;

test('PostgreSQL stops under a crowd of refreshes: 503 and no other refusal, and all go on afterwards', async () => {
  await using server = await startOwnServer();
  const there = await server.createDatabase();
  await using away = await openDatabaseWire(there.url);
  await using own = await startService({ database: { ...there, url: away.url } });
  const { email } = await createIdleUser(own);
  const logins: Login[] = await Promise.all(
    Array.from({ length: crowdSize }, () => tryLogin(own, email)),
  );
  let refused = 0;
  /** Refreshes until it is refused, and answers the newest token that came. */
  const useUp = async ({ refreshToken }: Login): Promise<string> => {
    for (let leaf = refreshToken; ; ) {
      const answer = await send(leaf, own);
      if (answer.status !== 200) {
        expectOverloaded(answer);
        refused += 1;
        return leaf;
      }
      leaf = answer.body.data.refresh_token;
    }
  };
  const crowd = logins.map(useUp);
  await server.stop();
  const leaves = await Promise.all(crowd);
  expect(refused).toBe(crowdSize);
  const [first = ''] = leaves;
  expectOverloaded(await send(first, own));
  await server.start();
  await away.cut();
  await away.mend(server.urlOf(there));
  await until(async () => (await send(first, own)).status === 200);
  for (const leaf of leaves) {
    const next = await refresh(own, leaf);
    expect(await refresh(own, next?.refreshToken ?? '')).toBeDefined();
  }
  await there.drop();
});

describe('a client that loses the answer', () => {
  /** Sends a refresh and hangs up: at once, or as soon as the answer begins to come. */
  async function sendAndHangUp(refreshToken: string, waits: boolean): Promise<void> {
    const { hostname, port } = new URL(service.address);
    const body = JSON.stringify({ refresh_token: refreshToken });
    const socket = connect({ host: hostname, port: Number(port) });
    await once(socket, 'connect');
    const head = `POST /auth/token/refresh/ HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`;
    await new Promise((resolve) => socket.write(head + body, resolve));
    if (waits) await once(socket, 'data');
    socket.destroy();
  }

  test.each([
    ['that began to come', true],
    ['that was on its way, at a moment of chance', false],
  ])('%s asks again and goes on, as if nothing had been', async (_what, waits) => {
    const { email } = await somebody(service);
    for (let round = 0; round < 15; round += 1) {
      const login: Login = await tryLogin(service, email);
      await sendAndHangUp(login.refreshToken, waits);
      const [one, other] = await Promise.all([
        refresh(service, login.refreshToken),
        refresh(service, login.refreshToken),
      ]);
      if (!one) throw new Error('the session has ended');
      expect(other).toEqual(one);
      expect(await counterOf(login)).toBe(1);
      expect(await isIn(service, one.accessToken)).toBe(true);
      // What was given up at a moment of chance may come later still: for a while it is welcome.
      if (waits) expect(await refresh(service, one.refreshToken)).toBeDefined();
    }
  });
});

describe('two thousand old sessions', () => {
  const history = `
    insert into sessions (id, user_id, created_at, last_used_at, expires_at, ended_at, end_reason, ip_address, user_agent)
    select gen_random_uuid(), $1, now() - interval '9 days', now() - interval '9 days',
      now() + interval '1 day' * (case when n % 2 = 0 then -1 else 5 end),
      case when n % 2 = 0 then null else now() - interval '8 days' end, 'logged-out', '', ''
    from generate_series(1, 2000) n`;

  /** The statements of everyday work. */
  async function everyday({ email, ...login }: Login & { readonly email: string }) {
    const statementsOf = async (work: () => Promise<unknown>) => {
      const before = wire.statements.length;
      await work();
      // Values stand in the text.
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

  test('cost no statement more: to be known, to refresh, to list the live ones, to log in', async () => {
    const [ada, old] = [await createIdleUser(service), await createIdleUser(service)];
    const usual = await everyday(ada);
    expect(usual.me).toEqual([]);
    expect(usual.refresh.length).toBeLessThanOrEqual(2);
    await database.query(history, [old.userId]);
    expect(await everyday(old)).toEqual(usual);
  });
});
