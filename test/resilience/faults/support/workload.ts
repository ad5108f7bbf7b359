/**
 * Simulated users of the service during faults. They register, verify their address, log in, change their profile,
 * refresh tokens, log out and start again. They repeat a request with an unknown outcome until it is acknowledged
 * or refused. They also send requests that must be refused.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MailServer } from '../../../support/mail-server.ts';
import { callsOf, type Pair, type PersonCalls } from './person-calls.ts';
import type { Recorder } from './recorder.ts';
import { ask, type RestRequest, type RestResponse } from './rest-request.ts';

export interface WorkloadDeps {
  /** Base addresses; each request goes to a random one. */
  readonly replicas: readonly string[];
  readonly recorder: Recorder;
  readonly mail: MailServer;
  readonly people: number;
  /** Maximum pause of a user between requests. */
  readonly pauseMilliseconds?: number;
}

export interface Workload {
  /** Lets the users finish their current session, and resolves when all have stopped. */
  stop(): Promise<void>;
}

const repeatMilliseconds = 200;
/** Time for repeated requests after the end; later they stay unknown. */
const settlingMilliseconds = 60_000;
const changesPerSession = 4;

export function startWorkload(deps: WorkloadDeps): Workload {
  const { replicas, recorder, pauseMilliseconds = 50 } = deps;
  let isStopping = false;
  let giveUpAt = Number.POSITIVE_INFINITY;

  const anyReplica = () => replicas[Math.floor(Math.random() * replicas.length)] ?? '';
  const pause = () => sleep(Math.random() * pauseMilliseconds);

  /** One attempt at one replica, in the journal. */
  const attempt: Parameters<typeof callsOf>[1] = (details, request: RestRequest, factsOf) => {
    const replica = anyReplica();
    return recorder.attempt({ ...details, replica }, async () => {
      const answer = await ask(replica, request);
      return { ...answer, ...(factsOf ? { facts: factsOf(answer) } : {}) };
    });
  };

  /** Repeats a request until its outcome is known. */
  const repeatUntilKnown = async (call: () => Promise<RestResponse>): Promise<RestResponse> => {
    for (;;) {
      const answer = await call();
      if (answer.outcome !== 'unknown' || Date.now() > giveUpAt) return answer;
      await sleep(repeatMilliseconds);
    }
  };

  const signUp = async (calls: PersonCalls): Promise<boolean> => {
    const { outcome } = await repeatUntilKnown(calls.register);
    if (outcome !== 'acknowledged') return false;
    const code = await codeFor(calls.email, deps.mail, () => Date.now() > giveUpAt);
    if (code === undefined) return false;
    return (await repeatUntilKnown(() => calls.verify(code))).outcome !== 'unknown';
  };

  /** One session from login to logout, and requests with its tokens after the logout. */
  const useSession = async (calls: PersonCalls): Promise<void> => {
    let pair = calls.pairOf(await repeatUntilKnown(calls.login));
    for (let round = 0; pair && round < changesPerSession && !isStopping; round += 1) {
      const present: Pair = pair;
      await pause();
      const name = nonce();
      await repeatUntilKnown(() => calls.updateProfile(present, name));
      await pause();
      pair = calls.pairOf(await repeatUntilKnown(() => calls.refresh(present)));
    }
    if (!pair) return;
    const last: Pair = pair;
    const ended = await repeatUntilKnown(() => calls.logout(last));
    if (ended.outcome === 'unknown') return;
    await calls.tryDeadTokens(last, nonce());
  };

  const simulateUser = async (): Promise<void> => {
    while (!isStopping) {
      const calls = callsOf(`${nonce()}@example.com`, attempt);
      await calls.tryRefusedRegistration();
      if (!(await signUp(calls))) continue;
      await calls.tryWrongPassword();
      for (let session = 0; session < 3 && !isStopping; session += 1) await useSession(calls);
    }
  };

  const users = Array.from({ length: deps.people }, simulateUser);
  return {
    async stop() {
      isStopping = true;
      giveUpAt = Date.now() + settlingMilliseconds;
      await Promise.all(users);
    },
  };
}

function nonce(): string {
  return `n${randomBytes(6).toString('hex')}`;
}

/** Waits for the code in the newest mail to an address. */
async function codeFor(
  email: string,
  { mails }: MailServer,
  isTooLate: () => boolean,
): Promise<string | undefined> {
  while (!isTooLate()) {
    const text = mails.findLast(({ to }) => to === email)?.text ?? '';
    const code = /^Code: (\S+)$/m.exec(text)?.[1];
    if (code !== undefined) return code;
    await sleep(50);
  }
  return undefined;
}
