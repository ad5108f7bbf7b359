/**
 * Logins relative to argon2id alone, `me` and logins at the same time, and the cost of refreshes and registrations. All
 * requests are those of Apollo Client. The rate limits have their default values. Each user has an own network, which a
 * reverse proxy reports, so that no limit is reached.
 */
import { availableParallelism } from 'node:os';
import { hash } from '@node-rs/argon2';
import { requestOf, usual } from '../clients/requests.ts';
import type { BenchDatabase, BenchEnv } from '../env.ts';
import type { Argon2Spec } from '../limits/argon2.ts';
import type { PrimaryKeySpec } from '../limits/primary-key.ts';
import {
  hashParameters,
  logIn,
  logInAll,
  loginRequest,
  password,
  registerRequest,
  seedPeople,
} from '../people.ts';
import { benchFile, runJson, type ServerProcess } from '../process.ts';
import type { Figure, PartResult } from '../report.ts';
import {
  httpSubject,
  interleave,
  type Measurement,
  named,
  ratio,
  runLoad,
  type Sample,
  type Subject,
} from '../sampling.ts';

const people = 200;
/** Concurrent logins and registrations, enough to keep every thread busy. */
const loginConnections = 16;
const meConnections = 32;
const refreshing = 16;

const names = {
  limit: 'argon2id alone',
  login: 'Gatehouse: login',
  me: 'Gatehouse: me alone',
  meMeanwhile: 'Gatehouse: me while logins saturate',
  loginMeanwhile: 'Gatehouse: login while me saturates',
  row: 'one row by primary key',
  refresh: 'Gatehouse: refreshTokens',
  register: 'Gatehouse: register',
} as const;

export async function measureLogin(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('login');
  await using ours = await env.gatehouse(database, { TRUST_PROXY: '1' });
  await seedPeople(database, people);
  await logInAll(ours.address, people);
  const login = loginSubject(ours);
  const argon2 = await argon2Subject();
  const { me, meMeanwhile, loginMeanwhile } = await storm(ours, login);
  const measured = [
    ...(await interleave([argon2, login, me, meMeanwhile, loginMeanwhile], env.effort)),
    ...(await interleave(
      [await primaryKeySubject(database), await refreshSubject(ours), registerSubject(ours)],
      env.effort,
    )),
  ];
  return { measured, ratios: figures(measured) };
}

function figures(measured: readonly Measurement[]): Figure[] {
  const of = (name: string) => named(measured, name);
  return [
    {
      metric: '`login`, argon2id alone on all processors = 1',
      value: ratio(of(names.login), of(names.limit)),
      atLeast: 0.8,
    },
    {
      metric: '`me` while logins saturate, alone = 1',
      value: ratio(of(names.meMeanwhile), of(names.me)),
      atLeast: 0.75,
    },
    {
      metric: 'logins meanwhile, argon2id alone on all processors = 1',
      value: ratio(of(names.loginMeanwhile), of(names.limit)),
      atLeast: 0.2,
    },
    {
      metric: 'processor time of the event loop for a login',
      value: (of(names.login).cpu?.eventLoop ?? Number.NaN) / 1000,
      unit: 'ms',
      atMost: 1.5,
    },
    {
      metric: '`refreshTokens`, one row by its primary key = 1',
      value: ratio(of(names.refresh), of(names.row)),
    },
  ];
}

function loginSubject(server: ServerProcess): Subject {
  return httpSubject(names.login, server, {
    address: server.address,
    requests: Array.from({ length: people }, (_, index) => loginRequest(index + 1)),
    expected: '"accessToken"',
    connections: loginConnections,
  });
}

async function argon2Subject(): Promise<Subject> {
  const task = { password, hash: await hash(password, hashParameters) };
  return {
    name: names.limit,
    round: (seconds) => {
      const spec: Argon2Spec = { seconds, concurrency: loginConnections, task };
      return runJson<Sample>(benchFile('./limits/argon2.ts'), spec);
    },
  };
}

interface Storm {
  readonly me: Subject;
  readonly meMeanwhile: Subject;
  /** Returns the logins of the latest round of `meMeanwhile`. */
  readonly loginMeanwhile: Subject;
}

/** `me` alone, and at the same time as logins at full load. */
async function storm(server: ServerProcess, login: Subject): Promise<Storm> {
  const { accessToken } = await logIn(server.address, 1);
  const load = {
    address: server.address,
    requests: [requestOf(usual, 'me', { ACCESS_TOKEN: accessToken })],
    expected: '"email"',
    connections: meConnections,
  };
  let logins: Sample | undefined;
  const round = async (seconds: number): Promise<Sample> => {
    const [result, meanwhile] = await Promise.all([
      runLoad({ ...load, seconds }),
      login.round(seconds),
    ]);
    logins = meanwhile;
    if (result.wrong > 0) throw new Error(`me under a storm: ${result.example}`);
    const { perSecond, p50, p99 } = result;
    return { perSecond, p50, p99 };
  };
  const loginsOfRound = async (): Promise<Sample> => {
    if (!logins) throw new Error('no round has ended');
    const { perSecond, p50, p99, overloaded } = logins; // its processor time includes `me`
    return { perSecond, p50, p99, overloaded };
  };
  return {
    me: httpSubject(names.me, server, load),
    meMeanwhile: { name: names.meMeanwhile, round },
    loginMeanwhile: { name: names.loginMeanwhile, round: loginsOfRound },
  };
}

async function primaryKeySubject({ url, pool }: BenchDatabase): Promise<Subject> {
  const { rows } = await pool.query<{ id: string }>('select id from users limit 1');
  const userId = rows[0]?.id ?? '';
  return {
    name: names.row,
    round: (seconds) => {
      const spec: PrimaryKeySpec = { databaseUrl: url, seconds, concurrency: refreshing, userId };
      return runJson<Sample>(benchFile('./limits/primary-key.ts'), spec);
    },
  };
}

/** Each round has new sessions, because the last tokens of a round are lost. */
async function refreshSubject(server: ServerProcess): Promise<Subject> {
  return {
    name: names.refresh,
    async round(seconds) {
      const refreshTokens: string[] = [];
      while (refreshTokens.length < refreshing) {
        refreshTokens.push((await logIn(server.address, refreshTokens.length + 1)).refreshToken);
      }
      return httpSubject(names.refresh, server, {
        address: server.address,
        requests: [requestOf(usual, 'refreshTokens', {})],
        refreshTokens,
        expected: '"refreshToken"',
        connections: refreshing,
      }).round(seconds);
    },
  };
}

/** New addresses in each round. The processor time includes the mails, which are sent after the responses. */
function registerSubject(server: ServerProcess): Subject {
  let count = 0;
  return {
    name: names.register,
    async round(seconds) {
      const perSecond = 100 * availableParallelism(); // more than can be hashed
      const requests = Array.from({ length: perSecond * seconds }, () => registerRequest(count++));
      return httpSubject(names.register, server, {
        address: server.address,
        requests,
        expected: 'Acknowledgement',
        connections: loginConnections,
      }).round(seconds);
    },
  };
}
