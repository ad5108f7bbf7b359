/**
 * People who use the service while it is under fire: they register, prove their address, log in,
 * change their profile, refresh, log out and begin again. What ends unknown they repeat, as clients
 * should, until it is acknowledged or refused; and now and then they try what must be refused.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MailServer } from '../../../support/mail-server.ts';
import { callsOf, type Pair, type PersonCalls } from './person-calls.ts';
import type { Recorder } from './recorder.ts';
import { ask, type RestRequest, type RestResponse } from './rest-request.ts';

export interface WorkloadDeps {
  /** Base addresses; each request goes to one of them by chance. */
  readonly replicas: readonly string[];
  readonly recorder: Recorder;
  readonly mail: MailServer;
  readonly people: number;
  /** Milliseconds that a person rests between requests, at most. */
  readonly restMilliseconds?: number;
}

export interface Workload {
  /** Lets everybody finish what they have begun, and resolves when all rest. */
  stop(): Promise<void>;
}

const repeatMilliseconds = 200;
/** What is still unknown so long after the end stays unknown. */
const settlingMilliseconds = 60_000;
const changesPerSession = 4;

export function startWorkload(parts: WorkloadDeps): Workload {
  const { replicas, recorder, restMilliseconds = 50 } = parts;
  let isStopping = false;
  let giveUpAt = Number.POSITIVE_INFINITY;

  const anyReplica = () => replicas[Math.floor(Math.random() * replicas.length)] ?? '';
  const rest = () => sleep(Math.random() * restMilliseconds);

  /** One attempt at one replica, in the journal. */
  const attempt: Parameters<typeof callsOf>[1] = (details, request: RestRequest, factsOf) => {
    const replica = anyReplica();
    return recorder.attempt({ ...details, replica }, async () => {
      const answer = await ask(replica, request);
      return { ...answer, ...(factsOf ? { facts: factsOf(answer) } : {}) };
    });
  };

  /** Repeats until the outcome is known. */
  const insist = async (call: () => Promise<RestResponse>): Promise<RestResponse> => {
    for (;;) {
      const answer = await call();
      if (answer.outcome !== 'unknown' || Date.now() > giveUpAt) return answer;
      await sleep(repeatMilliseconds);
    }
  };

  const join = async (calls: PersonCalls): Promise<boolean> => {
    const { outcome } = await insist(calls.register);
    if (outcome !== 'acknowledged') return false;
    const code = await codeFor(calls.email, parts.mail, () => Date.now() > giveUpAt);
    if (code === undefined) return false;
    return (await insist(() => calls.verify(code))).outcome !== 'unknown';
  };

  /** One session from login to logout; its tokens are tried afterwards. */
  const useSession = async (calls: PersonCalls): Promise<void> => {
    let pair = calls.pairOf(await insist(calls.login));
    for (let round = 0; pair && round < changesPerSession && !isStopping; round += 1) {
      const present: Pair = pair;
      await rest();
      const name = nonce();
      await insist(() => calls.updateProfile(present, name));
      await rest();
      pair = calls.pairOf(await insist(() => calls.refresh(present)));
    }
    if (!pair) return;
    const last: Pair = pair;
    const ended = await insist(() => calls.logout(last));
    if (ended.outcome === 'unknown') return;
    await calls.tryDeadTokens(last, nonce());
  };

  const live = async (): Promise<void> => {
    while (!isStopping) {
      const calls = callsOf(`${nonce()}@example.com`, attempt);
      await calls.tryRefusedRegistration();
      if (!(await join(calls))) continue;
      await calls.tryWrongPassword();
      for (let session = 0; session < 3 && !isStopping; session += 1) await useSession(calls);
    }
  };

  const lives = Array.from({ length: parts.people }, live);
  return {
    async stop() {
      isStopping = true;
      giveUpAt = Date.now() + settlingMilliseconds;
      await Promise.all(lives);
    },
  };
}

function nonce(): string {
  return `n${randomBytes(6).toString('hex')}`;
}

/** The code of the newest mail to an address, once there is one. */
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
