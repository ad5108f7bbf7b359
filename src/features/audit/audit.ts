/**
 * Appends entries to the audit log. An entry belongs to the transaction of the change that it describes.
 * An HMAC binds it to the entry before it. Personal data is sealed with the key of its person.
 */
import { v7 as uuidv7 } from 'uuid';
import type { ProblemCode } from '../../core/errors.ts';
import {
  type Actor,
  actorIdOf,
  currentContext,
  operatorId,
  type RequestContext,
} from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import { deriveKey } from '../../crypto/keys.ts';
import { seal } from '../../crypto/sealed-box.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import { logSecurityEvent, type SecurityEvent } from '../../observability/security-log.ts';
import { createBulkAppend } from './bulk-append.ts';
import { type AppendOutcome, createChains, type KeyOwners } from './chains.ts';
import {
  type ActorKind,
  clientLabelOf,
  type EntryClient,
  eventOf,
  nilId,
  type TargetType,
  type UnchainedEntry,
} from './entry.ts';
import { createSubjectKeys, type SubjectKeys } from './subject-keys.ts';

export interface NewEntry {
  /** The name of the change, such as `user-updated`. */
  readonly action: string;
  readonly target?: { readonly type: TargetType; readonly id: string };
  /** The user, if the caller is another one: at a login the caller is still anonymous. */
  readonly actorId?: string;
  /** The same for an actor of any kind. */
  readonly actor?: Actor;
  /** The user whose data the entry has, if the target is no user. By default the actor. */
  readonly subjectId?: string | undefined;
  /** The changed values without secrets. */
  readonly before?: object;
  readonly after?: object;
  /** The error code of a denied operation. */
  readonly denial?: ProblemCode;
}

/** The user of entries, or the nil id. */
export interface Subject {
  readonly id: string;
  /** Its key in `audit_subject_keys`; null if it has none yet. */
  readonly sealedKey: Buffer | null;
}

export interface Audit {
  /**
   * Appends an entry in the transaction of the caller, or in one of its own. The log gets the same event after
   * the commit.
   */
  append(entry: NewEntry): Promise<void>;
  /**
   * Appends the entries of many users with a constant number of statements. All have the context's actor, who is the
   * operator. Needs a transaction.
   */
  appendMany(entries: readonly NewEntry[]): Promise<void>;
  /** Seals the entries of new users for `appendMany`, while the database is busy with their accounts. */
  sealAhead(entries: readonly NewEntry[]): void;
  /**
   * Appends entries about one user in the statement of `write`, which gets the argument of `append_audit_entries`.
   * For frequent writes of one statement outside of a transaction.
   */
  appendWith<Result extends { readonly outcome: AppendOutcome }>(
    subject: Subject,
    entries: readonly NewEntry[],
    write: (continuation: string) => Promise<Result>,
  ): Promise<Result>;
  /** The same without another change. */
  appendAlone(subject: Subject, entries: readonly NewEntry[]): Promise<void>;
  /**
   * Logs a denial that needs no entry, such as that of a read or of a forged token. A request logs at most
   * one.
   *
   * @param details further values of the line, without secrets and values that a person has typed
   */
  logDenial(event: string, code: ProblemCode, details?: DenialDetails): void;
  /** Logs a successful operation that needs no entry. */
  logSuccess(event: string): void;
  readonly subjectKeys: SubjectKeys;
}

/** Further values of the line of a denial. */
export type DenialDetails = Readonly<Record<string, string>>;

export interface AuditDeps {
  readonly unitOfWork: UnitOfWork;
  readonly log: Log;
  readonly secretKey: string;
  readonly clock: Clock;
}

export function createAudit({ unitOfWork, log, secretKey, clock }: AuditDeps): Audit {
  const { transaction, afterCommit, memoizeInTransaction } = unitOfWork;
  const chains = createChains({ unitOfWork, log, key: deriveKey(secretKey, 'audit-chain') });
  const subjectKeys = createSubjectKeys(unitOfWork.query, secretKey);
  const orderKey = {};
  const reported = new WeakSet<RequestContext>();

  const keyOf = (id: string, sealedKey: Buffer | null) =>
    sealedKey === null ? subjectKeys.create(id) : subjectKeys.open(id, sealedKey);

  const appendToChain = async (entry: NewEntry): Promise<void> => {
    const context = currentContext();
    const { actor, owners } = partiesOf(entry, context);
    const locked = await chains.lock(owners, actor.kind === 'operator');
    const subject = await keyOf(owners.subjectId, locked.subject_key);
    const isSame = owners.subjectId === owners.clientKeyId;
    const client = isSame ? subject : await keyOf(owners.clientKeyId, locked.client_key);
    const row = toRow(entry, { context, at: clock(), keys: { subject, client } });
    await chains.append(locked, [row]);
    const event = eventOf(row, apiKeyIdOf(entry, context));
    afterCommit(() => logSecurityEvent(log, event));
  };

  const appendWith: Audit['appendWith'] = async (subject, entries, write) => {
    const context = currentContext();
    const key = await keyOf(subject.id, subject.sealedKey);
    const keyOfOwner = async (id: string) => (id === subject.id ? key : subjectKeys.create(id));
    const rows: UnchainedEntry[] = [];
    const events: SecurityEvent[] = [];
    for (const entry of entries) {
      // A caller with an access token is the subject of an entry without a target.
      const { subjectId, clientKeyId } = partiesOf(entry, context).owners;
      const client = await keyOfOwner(clientKeyId);
      // Read once: a caller with an access token gets equal work for known and unknown names.
      const keys = {
        subject: subjectId === clientKeyId ? client : await keyOfOwner(subjectId),
        client,
      };
      const row = toRow(entry, { context, at: clock(), keys });
      rows.push(row);
      events.push(eventOf(row, apiKeyIdOf(entry, context)));
    }
    const result = await chains.appendToFree(rows, write);
    if (result.outcome === 'appended') for (const event of events) logSecurityEvent(log, event);
    return result;
  };

  const bulk = createBulkAppend<NewEntry>({
    chains,
    subjectKeys,
    subjectIdOf: (entry) => partiesOf(entry, currentContext()).owners.subjectId,
    seal(entry, key) {
      const context = currentContext();
      if (partiesOf(entry, context).actor.kind !== 'operator') {
        throw new Error(`the entry ${entry.action} does not belong to the operator`);
      }
      return toRow(entry, { context, at: clock(), keys: { subject: key, client: key } });
    },
  });

  const appendManyToChain = async (entries: readonly NewEntry[]): Promise<void> => {
    const events = (await bulk.append(entries)).map((row) => eventOf(row, undefined));
    for (const event of events) afterCommit(() => logSecurityEvent(log, event));
  };

  /** The entries of one transaction are appended one after another, because each continues the previous one. */
  const inOrder = (append: () => Promise<void>): Promise<void> => {
    const order = memoizeInTransaction<{ last: Promise<void> }>(orderKey, () => ({
      last: Promise.resolve(),
    }));
    const appended = order.last.then(append);
    order.last = appended.catch(() => undefined);
    return appended;
  };

  return {
    append: (entry) => transaction(() => inOrder(() => appendToChain(entry))),

    sealAhead: bulk.sealAhead,

    appendMany: (entries) => inOrder(() => appendManyToChain(entries)),

    appendWith,

    async appendAlone(subject, entries) {
      await appendWith(subject, entries, chains.writeAlone);
    },

    logDenial(event, code, details) {
      const context = currentContext();
      if (context && reported.has(context)) return;
      if (context) reported.add(context);
      const caller = callerOf(event, context);
      logSecurityEvent(log, { event, outcome: 'refused', code, ...details, ...caller });
    },

    logSuccess(event) {
      logSecurityEvent(log, { event, outcome: 'done', ...callerOf(event, currentContext()) });
    },

    subjectKeys,
  };
}

function partiesOf(entry: NewEntry, context: RequestContext | undefined) {
  const actor = actorOf(entry, context);
  return { actor, owners: ownersOf(entry, actor) };
}

/** @param keys those that seal the details and the client */
function toRow(
  entry: NewEntry,
  {
    context,
    at,
    keys,
  }: {
    readonly context: RequestContext | undefined;
    readonly at: Date;
    readonly keys: { readonly subject: Buffer; readonly client: Buffer };
  },
): UnchainedEntry {
  const { actor, owners } = partiesOf(entry, context);
  const id = uuidv7();
  return {
    id,
    at,
    action: entry.action,
    outcome: entry.denial === undefined ? 'done' : 'refused',
    code: entry.denial ?? null,
    actor_kind: actor.kind,
    actor_id: actor.id,
    target_type: entry.target?.type ?? null,
    target_id: entry.target?.id ?? null,
    request_id: context?.client.requestId ?? null,
    subject_id: owners.subjectId,
    details: sealJson(keys.subject, id, { before: entry.before, after: entry.after }),
    client: sealJson(keys.client, clientLabelOf(id), clientOf(entry, context)),
  };
}

function callerOf(action: string, context: RequestContext | undefined) {
  const { kind, id } = actorOf({ action }, context);
  return { actorKind: kind, actorId: id ?? undefined, apiKeyId: apiKeyIdOf({ action }, context) };
}

/** The API key of the actor; undefined for a session, and for a user that the entry names by the id. */
function apiKeyIdOf(
  { actorId, actor }: NewEntry,
  context: RequestContext | undefined,
): string | undefined {
  const credential = actorId === undefined ? (actor ?? context?.actor)?.credential : undefined;
  return credential?.kind === 'api-key' ? credential.id : undefined;
}

function actorOf(
  { actorId, actor }: NewEntry,
  context: RequestContext | undefined,
): { readonly kind: ActorKind; readonly id: string | null } {
  const caller = actor ?? context?.actor;
  if (actorId === undefined && caller?.kind === 'service-account') {
    return { kind: caller.kind, id: caller.serviceAccount.id };
  }
  const id = actorId ?? (caller && actorIdOf(caller));
  if (id === operatorId) return { kind: 'operator', id: null };
  if (id !== undefined) return { kind: 'user', id };
  return { kind: context ? 'anonymous' : 'system', id: null };
}

/**
 * The owners of the keys that seal an entry. The client is sealed with the key of the actor, or of the
 * subject if the actor is no user. An unknown subject uses the key of the nil id, so that a failed login
 * does equal work for known and unknown accounts.
 */
function ownersOf(
  { target, subjectId: givenId }: NewEntry,
  { kind, id }: { readonly kind: ActorKind; readonly id: string | null },
): KeyOwners {
  const actorId = kind === 'user' ? id : null;
  const subjectId = (target?.type === 'user' ? target.id : (givenId ?? actorId)) ?? nilId;
  return { subjectId, clientKeyId: actorId ?? subjectId };
}

function clientOf(entry: NewEntry, context: RequestContext | undefined): EntryClient {
  const apiKeyId = apiKeyIdOf(entry, context);
  return {
    ...(context?.client.ipAddress ? { ipAddress: context.client.ipAddress } : {}),
    ...(context?.client.userAgent ? { userAgent: context.client.userAgent.slice(0, 300) } : {}),
    ...(apiKeyId === undefined ? {} : { apiKeyId }),
  };
}

function sealJson(key: Buffer, label: string, value: object): Buffer {
  return seal(key, label, Buffer.from(JSON.stringify(value)));
}
