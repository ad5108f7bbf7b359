/** The context of a request: its actor and its client. It is independent of tokens, HTTP and tables. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Problem } from './errors.ts';

/** The client of a request. `requestId` connects the response, the log lines and the audit entries. */
export interface ClientInfo {
  readonly ipAddress: string;
  readonly userAgent: string;
  /** The supported language that the client prefers. */
  readonly locale: string;
  readonly requestId: string;
}

/** The fields of a user that the user may see. None of them is secret. */
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

/** The user of a valid access token, with the groups and permissions of the user. */
export interface Actor {
  readonly user: UserView;
  readonly sessionId: string;
  /** Names of the user's groups. */
  readonly groups: ReadonlySet<string>;
  /** Granted codes, direct and through groups; `*` matches any run of characters. */
  readonly permissions: ReadonlySet<string>;
}

export interface RequestContext {
  readonly actor: Actor | undefined;
  /** Whether the request has an invalid bearer token. Operations without authentication ignore it. */
  readonly isTokenRejected?: boolean;
  readonly client: ClientInfo;
  /** Aborts when the client disconnects, or after the response. */
  readonly signal?: AbortSignal | undefined;
}

/** @throws UNAUTHENTICATED for a request without a valid access token */
export function requireActor(context: RequestContext): Actor {
  if (!context.actor) throw new Problem('UNAUTHENTICATED');
  return context.actor;
}

const storage = new AsyncLocalStorage<RequestContext>();

/** Runs `work` and its asynchronous continuations with `context` as the current context. */
export function runWithContext<Result>(context: RequestContext, work: () => Result): Result {
  return storage.run(context, work);
}

/** The context of the current request; undefined in a background job. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore();
}
