/** The same operations in another implementation, on the same machine and the same PostgreSQL. */
import { execFileSync } from 'node:child_process';
import type { BenchEnv } from '../env.ts';
import { httpSubject, interleave, named, ratio } from '../measure.ts';
import { addressOf, graphqlLoad, logIn, loginBody, password, seedPeople } from '../people.ts';
import { benchFile, startServer } from '../process.ts';
import type { PartResult } from '../report.ts';
import { meDocument } from './me.ts';

const people = 50;
const connections = 32;
/** A sign-in of the peer takes most of a second; with more concurrent ones none would end in a short round. */
const loginConnections = 4;

export async function measurePeers(env: BenchEnv): Promise<PartResult> {
  const directory = benchFile('./peers/better-auth/');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: directory, stdio: 'ignore' });
  const [database, peerDatabase] = [await env.database('peers'), await env.database('better')];
  await using ours = await env.gatehouse(database);
  await using peer = await startServer({
    command: [`${directory}server.js`],
    environment: {
      DATABASE_URL: peerDatabase.url,
      SECRET_KEY: 'benchmark-only-0123456789-abcdefghijkl',
    },
  });
  await seedPeople(database, people);
  const { accessToken } = await logIn(ours.address, 1);
  const cookie = await register(peer.address);
  const me = [JSON.stringify({ query: meDocument })];
  const logins = Array.from({ length: people }, (_, index) => loginBody(index + 1));
  const post = { method: 'POST', headers: peerHeaders } as const;
  const measured = [
    ...(await interleave(
      [
        httpSubject('better-auth: get-session', peer.pid, {
          url: `${peer.address}/api/auth/get-session`,
          method: 'GET',
          headers: { cookie },
          expected: addressOf(1),
          connections,
        }),
        httpSubject(
          'Gatehouse: me',
          ours.pid,
          graphqlLoad(ours.address, me, addressOf(1), { accessToken, connections }),
        ),
      ],
      env.effort,
    )),
    ...(await interleave(
      [
        httpSubject('better-auth: sign-in/email', peer.pid, {
          ...post,
          url: `${peer.address}/api/auth/sign-in/email`,
          bodies: Array.from({ length: people }, (_, index) =>
            JSON.stringify({ email: addressOf(index + 1), password }),
          ),
          expected: '"token"',
          connections: loginConnections,
        }),
        httpSubject(
          'Gatehouse: login',
          ours.pid,
          graphqlLoad(ours.address, logins, '"accessToken"', { connections: loginConnections }),
        ),
      ],
      env.effort,
    )),
  ];
  const of = (name: string) => named(measured, name);
  return {
    measured,
    ratios: [
      {
        metric: "`me`, better-auth's session check = 1",
        value: ratio(of('Gatehouse: me'), of('better-auth: get-session')),
        atLeast: 5.5,
      },
      {
        metric: "`login` (argon2id), better-auth's sign-in (scrypt) = 1",
        value: ratio(of('Gatehouse: login'), of('better-auth: sign-in/email')),
      },
    ],
  };
}

const peerHeaders = { 'content-type': 'application/json', origin: 'http://127.0.0.1' };

/** Creates the accounts through the API of the peer, and returns the cookie of the first account. */
async function register(address: string): Promise<string> {
  let cookie = '';
  for (let person = people; person >= 1; person -= 1) {
    const response = await fetch(`${address}/api/auth/sign-up/email`, {
      method: 'POST',
      headers: peerHeaders,
      body: JSON.stringify({ name: 'Ada Lovelace', email: addressOf(person), password }),
    });
    if (!response.ok) throw new Error(`better-auth: ${response.status} ${await response.text()}`);
    cookie = response.headers
      .getSetCookie()
      .map((each) => each.split(';')[0])
      .join('; ');
  }
  return cookie;
}
