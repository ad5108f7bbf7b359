/** The context of a request: its actor and its client. It is independent of tokens, HTTP and tables. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { Problem } from './errors.ts';
import type { JsonObject } from './json.ts';

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
  readonly externalId: string | null;
  /** Null if it is too long for a cached principal. */
  readonly metadata: JsonObject | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastLoginAt: Date | null;
}

export interface SessionCredential {
  readonly kind: 'session';
  readonly id: string;
}

export interface ApiKeyCredential {
  readonly kind: 'api-key';
  readonly id: string;
  /** The codes that limit the key; null for a key without a limit. `*` matches any run of characters. */
  readonly permissions: ReadonlySet<string> | null;
}

/** The credential of a request. An access token stands for the session or the API key that it was issued for. */
export type Credential = SessionCredential | ApiKeyCredential;

interface ActorFields {
  /** Names of the owner's groups. The limit of an API key is not applied: `groupsOf` applies it. */
  readonly groups: ReadonlySet<string>;
  /**
   * The codes that the owner holds, direct and through groups; `*` matches any run of characters. The limit
   * of an API key is not applied: `holdsPermission` applies it.
   */
  readonly permissions: ReadonlySet<string>;
  readonly credential: Credential;
}

export interface UserActor extends ActorFields {
  readonly kind: 'user';
  readonly user: UserView;
}

export interface ServiceAccountActor extends ActorFields {
  readonly kind: 'service-account';
  readonly serviceAccount: {
    readonly id: string;
    readonly clientId: string;
    readonly name: string;
  };
}

/** The owner of the valid credential of a request. */
export type Actor = UserActor | ServiceAccountActor;

/** A user with a session, who may change the own account. */
export type SessionActor = UserActor & { readonly credential: SessionCredential };

/** The session cookie of a request in cookie mode, which passed the check of its origin. */
export interface SessionCookie {
  /**
   * The refresh token that the browser will have after the response. Undefined without a cookie, and for a cookie
   * that is malformed or repeated.
   */
  readonly refreshToken: string | undefined;
  /** Stores a refresh token in the cookie until `expiresAt`. */
  keep(refreshToken: string, expiresAt: Date): void;
  /** Removes the cookie, if the browser has one. */
  clear(): void;
}

export interface RequestContext {
  readonly actor: Actor | undefined;
  /** Whether the request has an invalid bearer token. Operations without authentication ignore it. */
  readonly isTokenRejected?: boolean;
  /** Undefined for a request that is not in cookie mode. */
  readonly sessionCookie?: SessionCookie | undefined;
  /** Whether the request has a session cookie but is not in cookie mode. No operation uses such a cookie. */
  readonly hasIgnoredCookie?: boolean;
  readonly client: ClientInfo;
  /** Aborts when the client disconnects, or after the response. */
  readonly signal?: AbortSignal | undefined;
}

/** The id of the operator, who uses the command line and has no account. */
export const operatorId = '00000000-0000-0000-0000-000000000000';

/** The id of the user or of the service account. */
export function actorIdOf(actor: Actor): string {
  return actor.kind === 'user' ? actor.user.id : actor.serviceAccount.id;
}

/** Whether the actor is a superuser whose credential has no limit. Only such an actor has every right. */
export function isUnlimitedSuperuser(actor: Actor): boolean {
  return actor.kind === 'user' && actor.user.isSuperuser && limitOf(actor) === null;
}

/** The codes that limit the credential; null for a session and for a key without a limit. */
export function limitOf({ credential }: Actor): ReadonlySet<string> | null {
  return credential.kind === 'api-key' ? credential.permissions : null;
}

const noGroups: ReadonlySet<string> = new Set();

/**
 * Names of the groups that count for the credential. A credential with a limit has none, because a group can stand
 * for any right in an application, and the limit lists permissions only.
 */
export function groupsOf(actor: Actor): ReadonlySet<string> {
  return limitOf(actor) === null ? actor.groups : noGroups;
}

/** @throws UNAUTHENTICATED for a request without a valid credential */
export function requireActor(context: RequestContext): Actor {
  if (!context.actor) throw new Problem('UNAUTHENTICATED');
  return context.actor;
}

/**
 * A user with a session or an API key, for reads of the own account.
 *
 * @throws UNAUTHENTICATED, and FORBIDDEN for a service account
 */
export function requireUser(context: RequestContext): UserActor {
  const actor = requireActor(context);
  if (actor.kind !== 'user') throw new Problem('FORBIDDEN');
  return actor;
}

/**
 * A user with a session, for changes of the own account.
 *
 * @throws UNAUTHENTICATED, and FORBIDDEN for an API key or a service account
 */
export function requireSession(context: RequestContext): SessionActor {
  const actor = requireUser(context);
  if (!hasSession(actor)) throw new Problem('FORBIDDEN');
  return actor;
}

function hasSession(actor: UserActor): actor is SessionActor {
  return actor.credential.kind === 'session';
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
