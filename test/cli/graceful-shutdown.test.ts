/** SIGTERM with a load balancer that probes readiness: no request is lost. */
import { Agent, get, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { environmentOf, type RunningServer, startServer } from '../support/command.ts';
import { createTestDatabase } from '../support/database.ts';

const rounds = 2;
/** Milliseconds for which a positive probe counts, from its start; the delay of the shutdown is longer. */
const probeValidityMs = 200;
/** A request that this process sent too late after a positive probe needs no answer. */
const lateness = 250;

/** Status of the readiness probe; undefined without an answer. */
const probe = (address: string): Promise<number | undefined> =>
  new Promise((resolve) => {
    get(`${address}/health/ready`, { agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', () => resolve(undefined));
  });

interface TimedResponse {
  readonly status: number | string;
  readonly connection: string | undefined;
  /** Monotonic milliseconds at which its connection was ready. */
  readonly sentAt: number;
}

interface Sent extends TimedResponse {
  readonly isLate: boolean;
  /** Whether it uses the keep-alive connection. The other requests send `connection: close`. */
  readonly isOnKept: boolean;
}

const ask = (address: string, agent: Agent | false): Promise<TimedResponse> =>
  new Promise((resolve) => {
    const options = { agent, method: 'POST', headers: { 'content-type': 'application/json' } };
    let sentAt = performance.now();
    const note = () => {
      sentAt = performance.now();
    };
    const asking = request(`${address}/graphql`, options, (response) => {
      response.resume();
      const { statusCode = 0, headers } = response;
      resolve({ status: statusCode, connection: headers.connection, sentAt });
    });
    // A request on the keep-alive connection gets its socket, old or new, when it is sent.
    asking.on('socket', (socket) => {
      note();
      if (socket.connecting) socket.once('connect', note);
    });
    asking.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ status: error.code ?? error.message, connection: undefined, sentAt }),
    );
    asking.end('{"query":"{ __typename }"}');
  });

/**
 * Sends requests until the probe fails or an answer closes its connection: on new connections and on one
 * keep-alive connection.
 */
async function sendUntilNotReady({ address }: Pick<RunningServer, 'address'>) {
  const keepAliveAgent = new Agent({ keepAlive: true, maxSockets: 1 });
  let isReady = true;
  let isKeptAlive = true;
  let readyAt = performance.now();
  const send = async (agent: Agent | false): Promise<Sent> => {
    const believedAt = readyAt;
    const outcome = await ask(address, agent);
    if (agent && outcome.connection !== 'keep-alive') {
      isKeptAlive = false;
      isReady = false;
    }
    const isLate = outcome.sentAt - believedAt > lateness;
    return { ...outcome, isLate, isOnKept: agent !== false };
  };
  const outcomes: Promise<Sent>[] = [];
  const probing = (async () => {
    while (isReady) {
      const askedAt = performance.now();
      const isTold = (await probe(address)) === 200;
      if (isTold) readyAt = askedAt;
      isReady &&= isTold;
      await sleep(50);
    }
  })();
  while (isReady) {
    if (performance.now() - readyAt < probeValidityMs)
      outcomes.push(send(false), send(keepAliveAgent));
    await sleep(5);
  }
  await probing;
  // The probe can fail while no request is in flight on the keep-alive connection.
  if (isKeptAlive) outcomes.push(send(keepAliveAgent));
  const results = await Promise.all(outcomes);
  keepAliveAgent.destroy();
  return results;
}

test('every request before the end of readiness gets a response, and connections end one by one', async () => {
  const database = await createTestDatabase();
  for (let round = 0; round < rounds; round += 1) {
    const server = await startServer({ environment: { ...environmentOf(database), PORT: '0' } });
    const sending = sendUntilNotReady(server);
    await sleep(200);
    const ended = server.end('SIGTERM');
    const outcomes = await sending;
    const inTime = outcomes.filter(({ isLate }) => !isLate);
    expect(new Set(inTime.map(({ status }) => status))).toEqual(new Set([200]));
    const onKept = outcomes.filter(({ isOnKept }) => isOnKept);
    const last = onKept.at(-1);
    expect(onKept[0]?.connection).toBe('keep-alive');
    expect(last?.isLate ? 'close' : last?.connection).toBe('close');
    expect(await ended).toMatchObject({ code: 0 });
  }
  await database.drop();
});
