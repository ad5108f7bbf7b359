/**
 * Sessions against a model of them, over HTTP: whatever clients, thieves, administrators and restarts
 * do in whatever order, there is one live leaf for each session that nobody has ended, and none for
 * the others. MODEL_RUNS asks for more sequences than usual; a failure names its seed and path.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { v7 as uuidv7 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { type MailServer, startMailServer } from '../../support/mail-server.ts';
import { newAddress, somebody, tryLogin } from '../../support/people.ts';
import { startService, type TestService } from '../../support/service.ts';
import { isIn, sessionIdOf } from '../../support/session-calls.ts';

const runs = Number(process.env.MODEL_RUNS ?? 8);
const maxCommands = 40;

/** Seconds. No sum of the steps comes near a limit, so that the time a run takes does not matter. */
const grace = 60;
const idleLimit = 200_000;
const greatestAge = 400_000;
const steps = [25, 25, 25, 100, 90_000];

const environment = {
  REFRESH_GRACE: String(grace),
  REFRESH_TOKEN_TTL: String(idleLimit),
  SESSION_MAX_AGE: String(greatestAge),
  RATE_LIMITS: 'off',
};

interface Pair {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: string;
  readonly refreshToken: string;
}

/** A session as it should be, and what its client has in hand. */
interface ModelSession {
  readonly id: string;
  readonly openedAt: number;
  /** The pairs that the client got, by their place in the chain; those whose answer was lost are missing. */
  readonly pairs: Map<number, Pair>;
  /** The place of the leaf. */
  counter: number;
  lastUsedAt: number;
  isEnded: boolean;
}

interface Model {
  isActive: boolean;
  readonly sessions: ModelSession[];
}

/** The account of one run, at a service that is there for all of them. */
interface Account {
  readonly email: string;
  readonly userId: string;
}

let database: TestDatabase;
let mail: MailServer;
let service: TestService;
let passwordOf: string;
/** Seconds by which the service's clock is ahead; a restart must not turn it back. */
let ahead = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  mail = await startMailServer();
  service = await startService({ database, mail, environment });
  passwordOf = (await somebody(service)).userId;
});
afterAll(async () => {
  await service.close();
  await mail.close();
  await database.drop();
});

const now = () => service.app.clock().getTime() / 1000;

function advance(seconds: number): void {
  ahead += seconds;
  service.advance(seconds);
}

async function restart(): Promise<void> {
  await service.close();
  service = await startService({ database, mail, environment });
  service.advance(ahead);
}

/** Another account with the same password: quicker than registering one for each run. */
async function openAccount(): Promise<Account> {
  const [email, userId] = [newAddress(), uuidv7()];
  await service.database.query(
    `insert into users (id, email, status, created_at, updated_at)
     values ($1, $2, 'ACTIVE', now(), now())`,
    [userId, email],
  );
  await service.database.query(
    `insert into password_hashes (user_id, password_hash, updated_at)
     select $1, password_hash, now() from password_hashes where user_id = $2`,
    [userId, passwordOf],
  );
  return { email, userId };
}

const refreshDocument = `mutation ($refreshToken: String!) {
  result: refreshTokens(refreshToken: $refreshToken) {
    ... on TokenPair { accessToken accessTokenExpiresAt refreshToken }
    ... on Problem { code }
  }
}`;

/** The new pair, or nothing when the token is refused. */
async function refresh(refreshToken: string): Promise<Pair | undefined> {
  const { data, text } = await service.graphql(refreshDocument, { refreshToken });
  if (data?.result?.code === 'INVALID_TOKEN') return undefined;
  if (data?.result?.accessToken === undefined) throw new Error(text);
  return data.result;
}

/** Sends a refresh, and cuts the connection when the answer begins to come. */
async function loseAnswer(refreshToken: string): Promise<void> {
  const { hostname, port } = new URL(service.address);
  const body = JSON.stringify({ query: refreshDocument, variables: { refreshToken } });
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  await once(socket, 'data');
  socket.destroy();
}

/** The code of a mutation's refusal, `UNAUTHENTICATED` included; nothing when it is acknowledged. */
async function mutate(field: string, accessToken: string): Promise<string | undefined> {
  const { data, errors } = await service.graphql(
    `mutation { result: ${field} { ... on Problem { code } } }`,
    {},
    accessToken,
  );
  return data?.result?.code ?? errors?.[0]?.extensions?.code;
}

// What the model says.

const isOld = (session: ModelSession) =>
  now() >= Math.min(session.lastUsedAt + idleLimit, session.openedAt + greatestAge);

const isLive = (model: Model, session: ModelSession) =>
  model.isActive && !session.isEnded && !isOld(session);

const isGood = (model: Model, session: ModelSession, pair: Pair) =>
  isLive(model, session) && now() < Date.parse(pair.accessTokenExpiresAt) / 1000;

const newestPlace = ({ pairs }: ModelSession) => Math.max(...pairs.keys());

function pairAt(session: ModelSession, place: number): Pair {
  const pair = session.pairs.get(place);
  if (!pair) throw new Error(`the client has no pair at ${place}`);
  return pair;
}

const newestPair = (session: ModelSession) => pairAt(session, newestPlace(session));

/** What a refresh with the token at `place` does to the session: the place of its answer, or nothing. */
function step(model: Model, session: ModelSession, place: number): number | undefined {
  if (!isLive(model, session)) return undefined;
  if (place === session.counter) {
    session.counter += 1;
    session.lastUsedAt = now();
    return session.counter;
  }
  if (place === session.counter - 1 && now() <= session.lastUsedAt + grace) return session.counter;
  session.isEnded = true;
  return undefined;
}

/** Whether an answer is what the model says, the same as any before it from the same place. */
function learn(session: ModelSession, place: number | undefined, answer: Pair | undefined): void {
  if (place === undefined) {
    expect(answer).toBeUndefined();
    return;
  }
  if (!answer) throw new Error(`refused, though the answer is at ${place}`);
  for (const [known, pair] of session.pairs) {
    if (known === place) expect(answer).toEqual(pair);
    else expect(answer.refreshToken).not.toBe(pair.refreshToken);
  }
  session.pairs.set(place, answer);
}

async function logIn(model: Model, account: Account): Promise<void> {
  const answer = await tryLogin(service, account.email);
  expect(answer.code).toBe(model.isActive ? undefined : 'INVALID_CREDENTIALS');
  if (!model.isActive) return;
  const at = now();
  model.sessions.push({
    id: sessionIdOf(answer.accessToken),
    openedAt: at,
    lastUsedAt: at,
    pairs: new Map([[0, answer]]),
    counter: 0,
    isEnded: false,
  });
}

// What must hold after every step.

async function expectInvariants(model: Model, { userId }: Account): Promise<void> {
  const live = model.sessions.filter((session) => isLive(model, session));
  for (const session of model.sessions) {
    const { accessToken, refreshToken } = newestPair(session);
    const pairs = [...session.pairs.values()];
    const accepted = await Promise.all(pairs.map((pair) => isIn(service, pair.accessToken)));
    expect(accepted).toEqual(pairs.map((pair) => isGood(model, session, pair)));
    // Of one that has ended no token is good for anything, and asking changes nothing.
    if (!live.includes(session)) expect(await refresh(refreshToken)).toBeUndefined();
    else if (isGood(model, session, newestPair(session))) {
      const { data } = await service.graphql('{ me { sessions { id } } }', {}, accessToken);
      expect(data.me.sessions.map(({ id }: { id: string }) => id).sort()).toEqual(
        live.map(({ id }) => id).sort(),
      );
    }
  }
  const leaves = await database.query<{ id: string; counter: number }>(
    `select id, refresh_counter as counter from sessions
     where user_id = $1 and ended_at is null and expires_at > $2 order by id`,
    [userId, service.app.clock()],
  );
  expect(leaves).toEqual(live.map(({ id, counter }) => ({ id, counter })).sort(byId));
}

const byId = (one: { id: string }, other: { id: string }) => (one.id < other.id ? -1 : 1);

/** At last every client tries its newest token. */
async function expectAllGoOn(model: Model): Promise<void> {
  for (const session of model.sessions) {
    for (let times = 0; times < 2; times += 1) {
      const place = newestPlace(session);
      const { refreshToken } = newestPair(session);
      learn(session, step(model, session, place), await refresh(refreshToken));
    }
  }
}

// What can happen.

type Command = fc.AsyncCommand<Model, Account>;

interface Happening {
  readonly can?: (model: Model) => boolean;
  readonly happen: (model: Model, account: Account) => Promise<void>;
}

function command(name: string, { can = () => true, happen }: Happening): Command {
  return {
    check: ({ ...model }) => can(model),
    async run(model, account) {
      await happen(model, account);
      await expectInvariants(model, account);
    },
    toString: () => name,
  };
}

/** Something that is done with one of the sessions that there are. */
function ofSession(
  name: string,
  happen: (session: ModelSession, model: Model) => Promise<void>,
): fc.Arbitrary<Command> {
  return fc.nat(3).map((number) =>
    command(`${name}(${number})`, {
      can: ({ sessions }) => sessions.length > 0,
      happen: (model) => happen(choose(model, number), model),
    }),
  );
}

/** The live ones come first, as small numbers are the usual ones. */
function choose(model: Model, number: number): ModelSession {
  const live = model.sessions.filter((session) => isLive(model, session));
  const sessions = [...new Set([...live, ...model.sessions])];
  const session = sessions[number % sessions.length];
  if (!session) throw new Error('there is no session');
  return session;
}

const login = fc.constant(command('login', { happen: logIn }));

const refreshing = ofSession('refresh', async (session, model) => {
  const place = newestPlace(session);
  const { refreshToken } = newestPair(session);
  learn(session, step(model, session, place), await refresh(refreshToken));
});

const tabs = ofSession('refreshInFourTabs', async (session, model) => {
  const place = newestPlace(session);
  const { refreshToken } = newestPair(session);
  const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(refreshToken)));
  const expected = step(model, session, place);
  for (const answer of answers) learn(session, expected, answer);
});

const losing = ofSession('loseAnswer', async (session, model) => {
  await loseAnswer(newestPair(session).refreshToken);
  step(model, session, newestPlace(session));
});

const replay = fc.nat(5).chain((age) =>
  ofSession(`replay${age + 1}`, async (session, model) => {
    const places = [...session.pairs.keys()].sort((a, b) => b - a);
    const place = places[Math.min(age + 1, places.length - 1)] ?? 0;
    const { refreshToken } = pairAt(session, place);
    learn(session, step(model, session, place), await refresh(refreshToken));
  }),
);

/** Ends a session by one of the caller's access tokens, where that is still good. */
async function end(
  model: Model,
  caller: ModelSession,
  { field, ended }: { field: string; ended: readonly ModelSession[] },
): Promise<void> {
  const pair = newestPair(caller);
  const mayAsk = isGood(model, caller, pair);
  expect(await mutate(field, pair.accessToken)).toBe(mayAsk ? undefined : 'UNAUTHENTICATED');
  if (mayAsk) for (const session of ended) session.isEnded = true;
}

const logout = ofSession('logout', (session, model) =>
  end(model, session, { field: 'logout', ended: [session] }),
);

const logoutOther = fc.nat(3).chain((number) =>
  ofSession(`logoutByRefreshTokenOf${number}`, (caller, model) => {
    const other = choose(model, number);
    const [token] = [...other.pairs.values()].map(({ refreshToken }) => refreshToken);
    return end(model, caller, { field: `logout(refreshToken: "${token}")`, ended: [other] });
  }),
);

const revoke = fc.nat(3).chain((number) =>
  ofSession(`revokeSession${number}`, (caller, model) => {
    const other = choose(model, number);
    return end(model, caller, { field: `revokeSession(id: "${other.id}")`, ended: [other] });
  }),
);

const logoutEverywhere = ofSession('logoutEverywhere', (caller, model) =>
  end(model, caller, { field: 'logoutEverywhere', ended: model.sessions }),
);

/** What is on its way may be accepted or not; what starts after the answer must not. */
const logoutInUse = ofSession('logoutWhileInUse', async (session, model) => {
  const { accessToken, refreshToken } = newestPair(session);
  if (!isGood(model, session, newestPair(session))) return;
  const place = newestPlace(session);
  const under = Promise.all([1, 2, 3].map(() => isIn(service, accessToken)));
  const racing = refresh(refreshToken);
  const code = await mutate('logout', accessToken);
  const late = [isIn(service, accessToken), refresh(refreshToken)];
  session.isEnded ||= code === undefined;
  expect(await Promise.all(late)).toEqual([false, undefined]);
  await under;
  const answer = await racing;
  // The race may have been won by a replay that ended the session first.
  expect([undefined, 'UNAUTHENTICATED']).toContain(code);
  session.isEnded = true;
  if (answer && !session.pairs.has(place + 1)) session.pairs.set(place + 1, answer);
});

const disable = fc.constant(
  command('disable', {
    can: ({ isActive }) => isActive,
    async happen(model, { userId }) {
      await service.database.query("update users set status = 'DISABLED' where id = $1", [userId]);
      model.isActive = false;
      for (const session of model.sessions) session.isEnded = true;
    },
  }),
);

const enable = fc.constant(
  command('enable', {
    can: ({ isActive }) => !isActive,
    async happen(model, { userId }) {
      await service.database.query("update users set status = 'ACTIVE' where id = $1", [userId]);
      model.isActive = true;
    },
  }),
);

const restarting = fc.constant(command('restart', { happen: restart }));

const advancing = fc
  .constantFrom(...steps)
  .map((seconds) =>
    command(`advance(${seconds})`, { happen: () => Promise.resolve(advance(seconds)) }),
  );

/** What keeps a session going happens more often than what ends it. */
const happenings = [
  ...Array<typeof refreshing>(8).fill(refreshing),
  ...[tabs, tabs, tabs, losing, losing, losing, losing, replay, replay],
  ...[advancing, advancing, advancing, advancing, login, login, login],
  ...[logout, logoutOther, revoke, logoutInUse, logoutEverywhere],
  ...[disable, enable, enable, enable, restarting],
];

test(
  `${runs} sequences of whatever can happen to sessions leave none but the live ones`,
  async () => {
    const property = fc.asyncProperty(
      fc.commands(happenings, { maxCommands, size: 'max' }),
      async (commands) => {
        const account = await openAccount();
        const model: Model = { isActive: true, sessions: [] };
        await logIn(model, account);
        await fc.asyncModelRun(() => ({ model, real: account }), commands);
        await expectAllGoOn(model);
      },
    );
    await fc.assert(property, {
      numRuns: runs,
      interruptAfterTimeLimit: 60_000 * Math.max(1, runs / 40),
    });
  },
  120_000 * Math.max(1, runs / 40),
);
