/** Counts the statements and the round trips to the database of one request, at a proxy before PostgreSQL. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { requestOf, usual } from '../clients/requests.ts';
import type { BenchEnv } from '../env.ts';
import { ask, logIn, loginRequest, registerRequest, seedPeople } from '../people.ts';
import type { Figure, PartResult } from '../report.ts';
import { median } from '../sampling.ts';

/** Requests of each operation. The median excludes statements of jobs and of the change feed. */
const times = 41;

interface Counts {
  readonly statements: number;
  readonly roundTrips: number;
}

interface CountingProxy extends AsyncDisposable {
  readonly url: string;
  counts(): Counts;
}

/** Requests are sent one after the other. Each operation runs for each user once before it is counted. */
export async function measureStatements(env: BenchEnv): Promise<PartResult> {
  const database = await env.database('round_trips');
  await using proxy = await openCountingProxy(database.url);
  const throughProxy = { ...database, url: proxy.url };
  await using server = await env.gatehouse(throughProxy, { TRUST_PROXY: '1' });
  await seedPeople(database, times);
  const { address } = server;
  for (let person = 1; person <= times; person += 1) await logIn(address, person);
  const operations = {
    login: (number: number) => loginRequest(number + 1),
    refreshTokens: async (number: number) => {
      const { refreshToken } = await logIn(address, number + 1);
      return requestOf(usual, 'refreshTokens', { REFRESH_TOKEN: refreshToken });
    },
    register: registerRequest,
  };
  const figures: Figure[] = [];
  for (const [name, requestFor] of Object.entries(operations)) {
    const counted: Counts[] = [];
    for (let number = 0; number < times; number += 1) {
      const request = await requestFor(number);
      const before = proxy.counts();
      await ask(address, request);
      const after = proxy.counts();
      counted.push({
        statements: after.statements - before.statements,
        roundTrips: after.roundTrips - before.roundTrips,
      });
    }
    const middle = (read: (counts: Counts) => number) => median(counted.map(read));
    figures.push(
      {
        metric: `round trips to the database of \`${name}\``,
        value: middle(({ roundTrips }) => roundTrips),
      },
      { metric: '— statements', value: middle(({ statements }) => statements) },
    );
  }
  return { measured: [], ratios: figures };
}

async function openCountingProxy(databaseUrl: string): Promise<CountingProxy> {
  const target = new URL(databaseUrl);
  let statements = 0;
  let roundTrips = 0;
  const server = createServer((near) => {
    const far = connect({ host: target.hostname, port: Number(target.port) });
    const statementsIn = statementCounter();
    let isAnswered = true;
    near.on('data', (bytes: Buffer) => {
      statements += statementsIn(bytes);
      if (isAnswered) roundTrips += 1;
      isAnswered = false;
      far.write(bytes);
    });
    far.on('data', (bytes: Buffer) => {
      isAnswered = true;
      near.write(bytes);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      one.setNoDelay(true).on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`; // it listens on a port
  return {
    url: url.href,
    counts: () => ({ statements, roundTrips }),
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}

/**
 * Counts Execute and Query messages of a client, see
 * https://www.postgresql.org/docs/current/protocol-message-formats.html
 */
function statementCounter(): (bytes: Buffer) => number {
  let pending: Buffer = Buffer.alloc(0);
  let isStarted = false;
  return (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    let count = 0;
    for (;;) {
      // The startup message has no type byte.
      const start = isStarted ? 1 : 0;
      if (pending.length < start + 4) return count;
      const length = start + pending.readUInt32BE(start);
      if (pending.length < length) return count;
      const kind = isStarted ? String.fromCharCode(pending.readUInt8()) : 'startup';
      if (kind === 'E' || kind === 'Q') count += 1;
      isStarted = true;
      pending = pending.subarray(length);
    }
  };
}
