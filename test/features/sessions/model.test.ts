/**
 * Sessions checked by a model, over HTTP. After random actions of clients, attackers, administrators and
 * restarts, each active session has exactly one newest token, and an ended session has no valid token.
 * MODEL_RUNS sets the number of sequences. A failure prints its seed and path.
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
import { isIn, sessionIdOf, unsigned } from '../../support/session-calls.ts';

const runs = Number(process.env.MODEL_RUNS ?? 8);
const maxCommands = 40;

/** Seconds. No sum of the steps is near a limit, so that the duration of a run does not matter. */
const grace = 60;
const idleLimit = 200_000;
const maxAge = 400_000;
const steps = [25, 25, 25, 100, 90_000];

const environment = {
  REFRESH_GRACE: String(grace),
  REFRESH_TOKEN_TTL: String(idleLimit),
  SESSION_MAX_AGE: String(maxAge),
  RATE_LIMITS: 'off',
};

interface Pair {
  readonly accessToken: string;
  readonly accessTokenExpiresAt: string;
  readonly refreshToken: string;
}

/** The expected state of a session, and the tokens of its client. */
interface ModelSession {
  readonly id: string;
  readonly createdAt: number;
  /** The pairs that the client received, by position in the chain. Pairs of lost responses are missing. */
  readonly pairs: Map<number, Pair>;
  /** The position of the newest token. */
  counter: number;
  lastUsedAt: number;
  isEnded: boolean;
}

interface Model {
  isActive: boolean;
  readonly sessions: ModelSession[];
}

/** The account of one run. All runs use one service. */
interface Account {
  readonly email: string;
  readonly userId: string;
}

let database: TestDatabase;
let mail: MailServer;
let service: TestService;
let passwordOwnerId: string;
/** Seconds by which the clock of the service is ahead, also after a restart. */
let ahead = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  mail = await startMailServer();
  service = await startService({ database, mail, environment });
  passwordOwnerId = (await somebody(service)).userId;
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

/** Inserts an account with the same password hash, which is faster than a registration. */
async function createAccount(): Promise<Account> {
  const [email, userId] = [newAddress(), uuidv7()];
  await service.database.query(
    `insert into users (id, email, status, created_at, updated_at)
     values ($1, $2, 'ACTIVE', now(), now())`,
    [userId, email],
  );
  await service.database.query(
    `insert into password_hashes (user_id, password_hash, updated_at)
     select $1, password_hash, now() from password_hashes where user_id = $2`,
    [userId, passwordOwnerId],
  );
  return { email, userId };
}

const refreshDocument = `mutation ($refreshToken: String!) {
  result: refreshTokens(refreshToken: $refreshToken) {
    ... on TokenPair { accessToken accessTokenExpiresAt refreshToken }
    ... on Problem { code }
  }
}`;

/** The new pair, or undefined if the token is rejected. */
async function refresh(refreshToken: string): Promise<Pair | undefined> {
  const { data, text } = await service.graphql(refreshDocument, { refreshToken });
  if (data?.result?.code === 'INVALID_TOKEN') return undefined;
  if (data?.result?.accessToken === undefined) throw new Error(text);
  return data.result;
}

/** Sends a refresh, and closes the connection at the first bytes of the response. */
async function loseResponse(refreshToken: string): Promise<void> {
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

/** The error code of a mutation, or undefined if it succeeds. */
async function mutate(field: string, accessToken: string): Promise<string | undefined> {
  const { data, errors } = await service.graphql(
    `mutation { result: ${field} { ... on Problem { code } } }`,
    {},
    accessToken,
  );
  return data?.result?.code ?? errors?.[0]?.extensions?.code;
}

// The model.

const isOld = (session: ModelSession) =>
  now() >= Math.min(session.lastUsedAt + idleLimit, session.createdAt + maxAge);

const isActiveSession = (model: Model, session: ModelSession) =>
  model.isActive && !session.isEnded && !isOld(session);

const isValid = (model: Model, session: ModelSession, pair: Pair) =>
  isActiveSession(model, session) && now() < Date.parse(pair.accessTokenExpiresAt) / 1000;

const newestPosition = ({ pairs }: ModelSession) => Math.max(...pairs.keys());

function pairAt(session: ModelSession, position: number): Pair {
  const pair = session.pairs.get(position);
  if (!pair) throw new Error(`the client has no pair at ${position}`);
  return pair;
}

const newestPair = (session: ModelSession) => pairAt(session, newestPosition(session));

/** Applies a refresh with the token at `position`. Returns the position of the new pair, or undefined. */
function applyRefresh(model: Model, session: ModelSession, position: number): number | undefined {
  if (!isActiveSession(model, session)) return undefined;
  if (position === session.counter) {
    session.counter += 1;
    session.lastUsedAt = now();
    return session.counter;
  }
  if (position === session.counter - 1 && now() <= session.lastUsedAt + grace)
    return session.counter;
  session.isEnded = true;
  return undefined;
}

/** Checks a response against the model, and stores it. A position always has the same pair, except for the signature. */
function checkResponse(
  session: ModelSession,
  position: number | undefined,
  response: Pair | undefined,
): void {
  if (position === undefined) {
    expect(response).toBeUndefined();
    return;
  }
  if (!response) throw new Error(`rejected, but expected at ${position}`);
  for (const [known, pair] of session.pairs) {
    if (known === position) expect(unsigned(response)).toEqual(unsigned(pair));
    else expect(response.refreshToken).not.toBe(pair.refreshToken);
  }
  session.pairs.set(position, response);
}

async function logIn(model: Model, account: Account): Promise<void> {
  const response = await tryLogin(service, account.email);
  expect(response.code).toBe(model.isActive ? undefined : 'INVALID_CREDENTIALS');
  if (!model.isActive) return;
  const at = now();
  model.sessions.push({
    id: sessionIdOf(response.accessToken),
    createdAt: at,
    lastUsedAt: at,
    pairs: new Map([[0, response]]),
    counter: 0,
    isEnded: false,
  });
}

// The invariants after every action.

async function expectInvariants(model: Model, { userId }: Account): Promise<void> {
  const active = model.sessions.filter((session) => isActiveSession(model, session));
  for (const session of model.sessions) {
    const { accessToken, refreshToken } = newestPair(session);
    const pairs = [...session.pairs.values()];
    const accepted = await Promise.all(pairs.map((pair) => isIn(service, pair.accessToken)));
    expect(accepted).toEqual(pairs.map((pair) => isValid(model, session, pair)));
    // The tokens of an ended session are rejected.
    if (!active.includes(session)) expect(await refresh(refreshToken)).toBeUndefined();
    else if (isValid(model, session, newestPair(session))) {
      const { data } = await service.graphql('{ me { sessions { id } } }', {}, accessToken);
      expect(data.me.sessions.map(({ id }: { id: string }) => id).sort()).toEqual(
        active.map(({ id }) => id).sort(),
      );
    }
  }
  const leaves = await database.query<{ id: string; counter: number }>(
    `select id, refresh_counter as counter from sessions
     where user_id = $1 and ended_at is null and expires_at > $2 order by id`,
    [userId, service.app.clock()],
  );
  expect(leaves).toEqual(active.map(({ id, counter }) => ({ id, counter })).sort(byId));
}

const byId = (one: { id: string }, other: { id: string }) => (one.id < other.id ? -1 : 1);

/** At the end, each client refreshes with its newest token. */
async function expectRefreshes(model: Model): Promise<void> {
  for (const session of model.sessions) {
    for (let times = 0; times < 2; times += 1) {
      const position = newestPosition(session);
      const { refreshToken } = newestPair(session);
      checkResponse(session, applyRefresh(model, session, position), await refresh(refreshToken));
    }
  }
}

// The actions.

type Command = fc.AsyncCommand<Model, Account>;

interface Action {
  readonly isPossible?: (model: Model) => boolean;
  readonly execute: (model: Model, account: Account) => Promise<void>;
}

function command(name: string, { isPossible = () => true, execute }: Action): Command {
  return {
    check: ({ ...model }) => isPossible(model),
    async run(model, account) {
      await execute(model, account);
      await expectInvariants(model, account);
    },
    toString: () => name,
  };
}

/** An action on one of the sessions. */
function ofSession(
  name: string,
  execute: (session: ModelSession, model: Model) => Promise<void>,
): fc.Arbitrary<Command> {
  return fc.nat(3).map((number) =>
    command(`${name}(${number})`, {
      isPossible: ({ sessions }) => sessions.length > 0,
      execute: (model) => execute(choose(model, number), model),
    }),
  );
}

/** Active sessions have the small numbers, which are the most frequent. */
function choose(model: Model, number: number): ModelSession {
  const active = model.sessions.filter((session) => isActiveSession(model, session));
  const sessions = [...new Set([...active, ...model.sessions])];
  const session = sessions[number % sessions.length];
  if (!session) throw new Error('there is no session');
  return session;
}

const login = fc.constant(command('login', { execute: logIn }));

const refreshing = ofSession('refresh', async (session, model) => {
  const position = newestPosition(session);
  const { refreshToken } = newestPair(session);
  checkResponse(session, applyRefresh(model, session, position), await refresh(refreshToken));
});

const tabs = ofSession('refreshInFourTabs', async (session, model) => {
  const position = newestPosition(session);
  const { refreshToken } = newestPair(session);
  const responses = await Promise.all([1, 2, 3, 4].map(() => refresh(refreshToken)));
  const expected = applyRefresh(model, session, position);
  for (const response of responses) checkResponse(session, expected, response);
});

const losing = ofSession('loseResponse', async (session, model) => {
  await loseResponse(newestPair(session).refreshToken);
  applyRefresh(model, session, newestPosition(session));
});

const replay = fc.nat(5).chain((age) =>
  ofSession(`replay${age + 1}`, async (session, model) => {
    const positions = [...session.pairs.keys()].sort((a, b) => b - a);
    const position = positions[Math.min(age + 1, positions.length - 1)] ?? 0;
    const { refreshToken } = pairAt(session, position);
    checkResponse(session, applyRefresh(model, session, position), await refresh(refreshToken));
  }),
);

/** Ends sessions with the newest access token of the caller, if it is valid. */
async function end(
  model: Model,
  caller: ModelSession,
  { field, ended }: { field: string; ended: readonly ModelSession[] },
): Promise<void> {
  const pair = newestPair(caller);
  const isAuthorized = isValid(model, caller, pair);
  expect(await mutate(field, pair.accessToken)).toBe(isAuthorized ? undefined : 'UNAUTHENTICATED');
  if (isAuthorized) for (const session of ended) session.isEnded = true;
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

/** Requests in flight may succeed or fail. Requests after the response must fail. */
const logoutInUse = ofSession('logoutWhileInUse', async (session, model) => {
  const { accessToken, refreshToken } = newestPair(session);
  if (!isValid(model, session, newestPair(session))) return;
  const position = newestPosition(session);
  const under = Promise.all([1, 2, 3].map(() => isIn(service, accessToken)));
  const racing = refresh(refreshToken);
  const code = await mutate('logout', accessToken);
  const late = [isIn(service, accessToken), refresh(refreshToken)];
  session.isEnded ||= code === undefined;
  expect(await Promise.all(late)).toEqual([false, undefined]);
  await under;
  const response = await racing;
  // A replay may have ended the session first.
  expect([undefined, 'UNAUTHENTICATED']).toContain(code);
  session.isEnded = true;
  if (response && !session.pairs.has(position + 1)) session.pairs.set(position + 1, response);
});

const disable = fc.constant(
  command('disable', {
    isPossible: ({ isActive }) => isActive,
    async execute(model, { userId }) {
      await service.database.query("update users set status = 'DISABLED' where id = $1", [userId]);
      model.isActive = false;
      for (const session of model.sessions) session.isEnded = true;
    },
  }),
);

const enable = fc.constant(
  command('enable', {
    isPossible: ({ isActive }) => !isActive,
    async execute(model, { userId }) {
      await service.database.query("update users set status = 'ACTIVE' where id = $1", [userId]);
      model.isActive = true;
    },
  }),
);

const restarting = fc.constant(command('restart', { execute: restart }));

const advancing = fc
  .constantFrom(...steps)
  .map((seconds) =>
    command(`advance(${seconds})`, { execute: () => Promise.resolve(advance(seconds)) }),
  );

/** Actions that continue a session are more frequent than those that end it. */
const actions = [
  ...Array<typeof refreshing>(8).fill(refreshing),
  ...[tabs, tabs, tabs, losing, losing, losing, losing, replay, replay],
  ...[advancing, advancing, advancing, advancing, login, login, login],
  ...[logout, logoutOther, revoke, logoutInUse, logoutEverywhere],
  ...[disable, enable, enable, enable, restarting],
];

test(
  `${runs} random sequences of actions leave exactly the sessions of the model`,
  async () => {
    const property = fc.asyncProperty(
      fc.commands(actions, { maxCommands, size: 'max' }),
      async (commands) => {
        const account = await createAccount();
        const model: Model = { isActive: true, sessions: [] };
        await logIn(model, account);
        await fc.asyncModelRun(() => ({ model, real: account }), commands);
        await expectRefreshes(model);
      },
    );
    await fc.assert(property, {
      numRuns: runs,
      interruptAfterTimeLimit: 60_000 * Math.max(1, runs / 40),
    });
  },
  120_000 * Math.max(1, runs / 40),
);
