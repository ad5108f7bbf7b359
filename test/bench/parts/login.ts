/** Logins relative to argon2id alone, their effect on `me`, and the refresh of tokens. */
import { hash } from '@node-rs/argon2';
import type { BenchDatabase, BenchEnv } from '../env.ts';
import type { Argon2Spec } from '../limits/argon2.ts';
import type { PrimaryKeySpec } from '../limits/primary-key.ts';
import {
  httpSubject,
  interleave,
  named,
  ratio,
  runLoad,
  type Sample,
  type Subject,
} from '../measure.ts';
import {
  graphqlLoad,
  hashParameters,
  logIn,
  loginBody,
  password,
  refreshBody,
  seedPeople,
} from '../people.ts';
import { benchFile, runJson, type ServerProcess } from '../process.ts';
import type { PartResult } from '../report.ts';
import { meDocument } from './me.ts';

const people = 200;
/** Concurrent logins, enough to keep every thread busy. */
const loginConnections = 16;
const refreshing = 16;

export async function measureLogin(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('login');
  await using ours = await env.gatehouse(database);
  await seedPeople(database, people);
  const login = loginSubject(ours);
  const measured = [
    ...(await interleave([await argon2Subject(), login], env.effort)),
    ...(await interleave(await stormSubjects(ours, login), env.effort)),
    ...(await interleave(
      [await primaryKeySubject(database), await refreshSubject(ours)],
      env.effort,
    )),
  ];
  const of = (name: string) => named(measured, name);
  return {
    measured,
    ratios: [
      {
        metric: '`login`, argon2id alone with the same parameters = 1',
        value: ratio(of('Gatehouse: login'), of('argon2id alone')),
        atLeast: 0.95,
      },
      {
        metric: '`me` while logins saturate, alone = 1',
        value: ratio(of('Gatehouse: me while logins saturate'), of('Gatehouse: me alone')),
        atLeast: 0.75,
      },
      {
        metric: '`refreshTokens`, one row by its primary key = 1',
        value: ratio(of('Gatehouse: refreshTokens'), of('one row by primary key')),
      },
    ],
  };
}

function loginSubject({ pid, address }: ServerProcess): Subject {
  const bodies = Array.from({ length: people }, (_, index) => loginBody(index + 1));
  const load = graphqlLoad(address, bodies, '"accessToken"', { connections: loginConnections });
  return httpSubject('Gatehouse: login', pid, load);
}

async function argon2Subject(): Promise<Subject> {
  const phc = await hash(password, hashParameters);
  const task = { password, hash: phc, dummyHash: phc };
  return {
    name: 'argon2id alone',
    round: (seconds) => {
      const spec: Argon2Spec = { seconds, concurrency: loginConnections, task };
      return runJson<Sample>(benchFile('./limits/argon2.ts'), spec);
    },
  };
}

/** `me` alone, and during logins at full load. */
async function stormSubjects({ pid, address }: ServerProcess, login: Subject): Promise<Subject[]> {
  const { accessToken } = await logIn(address, 1);
  const load = graphqlLoad(address, [JSON.stringify({ query: meDocument })], '"email"', {
    accessToken,
    connections: 32,
  });
  const round = async (seconds: number): Promise<Sample> => {
    const storm = login.round(seconds + 1);
    const result = await runLoad({ ...load, seconds });
    await storm;
    if (result.wrong > 0) throw new Error(`me under a storm: ${result.example}`);
    return result;
  };
  return [
    httpSubject('Gatehouse: me alone', pid, load),
    { name: 'Gatehouse: me while logins saturate', round },
  ];
}

async function primaryKeySubject({ url, pool }: BenchDatabase): Promise<Subject> {
  const { rows } = await pool.query<{ id: string }>('select id from users limit 1');
  const userId = rows[0]?.id ?? '';
  return {
    name: 'one row by primary key',
    round: (seconds) => {
      const spec: PrimaryKeySpec = { databaseUrl: url, seconds, concurrency: refreshing, userId };
      return runJson<Sample>(benchFile('./limits/primary-key.ts'), spec);
    },
  };
}

/** Each round has new sessions, because the last tokens of a round are lost. */
async function refreshSubject({ pid, address }: ServerProcess): Promise<Subject> {
  const load = graphqlLoad(address, [refreshBody], '"refreshToken"', { connections: refreshing });
  return {
    name: 'Gatehouse: refreshTokens',
    async round(seconds) {
      const persons = Array.from({ length: refreshing }, (_, index) => index + 1);
      const sessions = await Promise.all(persons.map((person) => logIn(address, person)));
      const refreshTokens = sessions.map(({ refreshToken }) => refreshToken);
      return httpSubject('Gatehouse: refreshTokens', pid, { ...load, refreshTokens }).round(
        seconds,
      );
    },
  };
}
