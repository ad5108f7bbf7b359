/** Keeps one membership for the life of a process: comes back when the connection drops, and goes when told. Servers and locks are behind the door. */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { Member } from './member.ts';

const FIRST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 5_000;

/** How to come and go; `door.ts` joins the two to a server. */
export interface Door {
  /** Becomes a member, starting the server if need be, at that port if it is free. */
  readonly enter: (signal: AbortSignal, preferredPort?: number) => Promise<Member>;
  /** Ends a membership, and stops the server after the last. */
  readonly exit: (member: Member) => Promise<void>;
  readonly onNotice: (text: string) => void;
}

/** A membership that is kept until it is left. */
interface Membership {
  readonly port: number;
  /** Called again it does no more than once. */
  leave(): Promise<void>;
}

/** Becomes a member and stays one. */
export async function keepMembership(door: Door): Promise<Membership> {
  const leaving = new AbortController();
  const { signal } = leaving;
  let member = await door.enter(signal);
  const { port } = member;
  const left = once(signal, 'abort').then(() => false);

  const stay = async (): Promise<void> => {
    while (await Promise.race([left, member.ended.then(() => true)])) {
      member = (await comeBack(door, port, signal)) ?? member;
    }
  };
  const staying = stay();
  const go = async (): Promise<void> => {
    leaving.abort();
    await staying;
    await door.exit(member);
  };
  let gone: Promise<void> | undefined;
  return {
    port,
    leave: () => {
      gone ??= go();
      return gone;
    },
  };
}

/** Enters again, however long it takes; nothing when told to leave meanwhile. */
async function comeBack(
  door: Door,
  port: number,
  signal: AbortSignal,
): Promise<Member | undefined> {
  for (
    let waitMs = FIRST_WAIT_MS;
    !signal.aborted;
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
  ) {
    try {
      const member = await door.enter(signal, port);
      if (member.port !== port) door.onNotice(movedNotice(port, member.port));
      return member;
    } catch (error) {
      if (!signal.aborted) door.onNotice(`The embedded PostgreSQL is out of reach. ${error}`);
    }
    await pause(waitMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
  return undefined;
}

function movedNotice(from: number, to: number): string {
  return `The embedded PostgreSQL has come back at port ${to} instead of ${from}: restart this process.`;
}
