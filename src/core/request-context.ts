/** Who is asking, and from where. Knows nothing of tokens, requests or tables. */

import { AsyncLocalStorage } from 'node:async_hooks';
import { Problem } from './errors.ts';

/** Where a request comes from. `requestId` ties answer, log line and record together. */
export interface ClientInfo {
  readonly ipAddress: string;
  readonly userAgent: string;
  /** The language that the client prefers, of those that we speak. */
  readonly locale: string;
  readonly requestId: string;
}

/** An account as its owner sees it; nothing in it is secret. */
export interface UserView {
  readonly id: string;
  readonly email: string;
  readonly username: string | null;
  readonly firstName: string;
  readonly lastName: string;
  readonly status: 'PENDING' | 'ACTIVE' | 'DISABLED';
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  readonly pendingEmail: string | null;
  readonly emailVerifiedAt: Date | null;
  readonly locale: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastLoginAt: Date | null;
}

/** The person behind a valid access token, with all that decides what they may do. */
export interface Actor {
  readonly person: UserView;
  readonly sessionId: string;
  /** Names of the groups the person is in. */
  readonly groups: ReadonlySet<string>;
  /** Granted codes, direct and through groups; a `*` matches any run of characters. */
  readonly permissions: ReadonlySet<string>;
}

export interface RequestContext {
  readonly actor: Actor | undefined;
  /** Whether a bearer token was sent that is not valid; operations that need no caller ignore it. */
  readonly isTokenRejected?: boolean;
  readonly client: ClientInfo;
  /** Aborts when the client hangs up, or has had its answer. */
  readonly signal?: AbortSignal | undefined;
}

/** @throws UNAUTHENTICATED when nobody is logged in */
export function requireActor(context: RequestContext): Actor {
  if (!context.actor) throw new Problem('UNAUTHENTICATED');
  return context.actor;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work`, and all that it starts, on behalf of `context`. */
export function runWithContext<Result>(context: RequestContext, work: () => Result): Result {
  return storage.run(context, work);
}

/** The context of whoever is asking; none in a job of our own. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}
