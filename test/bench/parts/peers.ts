/**
 * The same operations in another implementation, on the same machine and the same PostgreSQL. Each service gets the
 * requests of its own client. Rate limits are on in both; the requests come from many networks, so that no limit is
 * reached. better-auth counts in memory, Gatehouse in PostgreSQL.
 */

import { installPackages } from '../../support/install-packages.ts';
import {
  type ClientRequest,
  fromNetwork,
  recorded,
  requestOf,
  usual,
  withValues,
} from '../clients/requests.ts';
import type { BenchEnv } from '../env.ts';
import { addressOf, logIn, loginRequest, password, seedPeople } from '../people.ts';
import { benchFile, type ServerProcess, startServer } from '../process.ts';
import type { PartResult } from '../report.ts';
import { httpSubject, interleave, named, ratio, type Subject } from '../sampling.ts';

const people = 50;
/** better-auth accepts 100 requests in 10 seconds from one network. */
const networks = 4096;
const connections = 32;
/** A sign-in of the peer takes most of a second; with more concurrent ones none would end in a short round. */
const loginConnections = 4;

export async function measurePeers(env: BenchEnv): Promise<PartResult> {
  const [database, peerDatabase] = [await env.database('peers'), await env.database('better')];
  await using ours = await env.gatehouse(database, { TRUST_PROXY: '1' });
  await using peer = await startServer({
    command: [`${installPackages(benchFile('./peers/better-auth'))}server.js`],
    environment: {
      NODE_ENV: 'production',
      DATABASE_URL: peerDatabase.url,
      SECRET_KEY: 'benchmark-only-0123456789-abcdefghijkl',
    },
    databasePid: ours.databasePid,
  });
  await seedPeople(database, people);
  const { accessToken } = await logIn(ours.address, 1);
  const cookie = await register(peer.address);
  const me = requestOf(usual, 'me', { ACCESS_TOKEN: accessToken });
  const session = withValues(recorded['better-auth'].getSession, { COOKIE: cookie });
  const measured = [
    ...(await interleave(
      [
        subject('better-auth: get-session', peer, fromMany(session), addressOf(1)),
        subject('Gatehouse: me', ours, fromMany(me), addressOf(1)),
      ],
      env.effort,
    )),
    ...(await interleave(
      [
        signInSubject(peer),
        subject('Gatehouse: login', ours, logins(loginRequest), '"accessToken"', loginConnections),
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

function subject(
  name: string,
  server: ServerProcess,
  requests: readonly ClientRequest[],
  expected: string,
  howMany = connections,
): Subject {
  const { address } = server;
  return httpSubject(name, server, { address, requests, expected, connections: howMany });
}

/** The same request from each network. */
function fromMany(request: ClientRequest): ClientRequest[] {
  return Array.from({ length: networks }, (_, network) => fromNetwork(request, network));
}

/** One request for each user. */
function logins(requestFor: (person: number) => ClientRequest): ClientRequest[] {
  return Array.from({ length: people }, (_, index) => requestFor(index + 1));
}

/** better-auth accepts three sign-ins in 10 seconds from one network, so each sign-in has an own network. */
function signInSubject(peer: ServerProcess): Subject {
  const name = 'better-auth: sign-in/email';
  let count = people;
  return {
    name,
    round(seconds) {
      const next = () => signIn((count % people) + 1, count++);
      const requests = Array.from({ length: 100 * seconds }, next);
      return subject(name, peer, requests, '"token"', loginConnections).round(seconds);
    },
  };
}

function signIn(person: number, network: number): ClientRequest {
  const values = { EMAIL: addressOf(person), PASSWORD: password };
  const request = fromNetwork(withValues(recorded['better-auth'].signIn, values), network);
  // better-auth demands the header that a browser adds.
  return { ...request, headers: { ...request.headers, origin: 'http://127.0.0.1' } };
}

/** Creates the accounts through the API of the peer, and returns the cookie of the first account. */
async function register(address: string): Promise<string> {
  let cookie = '';
  for (let person = people; person >= 1; person -= 1) {
    const { headers } = signIn(person, person);
    const response = await fetch(`${address}/api/auth/sign-up/email`, {
      method: 'POST',
      headers,
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
