/**
 * The audit log. An entry is written in the transaction of the change that it describes, and an HMAC
 * binds it to the entry before it. What persons can be recognized by is sealed with their keys.
 */
import { v7 as uuidv7 } from 'uuid';
import type { ProblemCode } from '../../core/errors.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { currentContext } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import { deriveKey } from '../../crypto/keys.ts';
import { seal } from '../../crypto/sealed-box.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import { logSecurityEvent, type SecurityEvent } from '../../observability/security-log.ts';
import { createChains, type KeyOwners } from './chains.ts';
import {
  type ActorKind,
  clientLabelOf,
  type EntryClient,
  nobodyId,
  type TargetType,
  type UnchainedEntry,
} from './entry.ts';
import { createSubjectKeys, type SubjectKeys } from './subject-keys.ts';

export interface NewEntry {
  /** What was done, such as `user-updated`. */
  readonly action: string;
  readonly target?: { readonly type: TargetType; readonly id: string };
  /** Who did it, when that is not who is asking: somebody who has just logged in. */
  readonly actorId?: string;
  /** Of what was changed, without secrets. */
  readonly before?: object;
  readonly after?: object;
  /** Why it was refused, if it was. */
  readonly refusal?: ProblemCode;
}

export interface Audit {
  /**
   * Appends an entry in the transaction of the caller, or in one of its own. The log gets the same event after
   * the commit.
   */
  append(entry: NewEntry): Promise<void>;
  /**
   * Logs a refusal that needs no entry, such as that of a read or of a forged token: at most one line for
   * each request.
   */
  logRefusal(event: string, code: ProblemCode): void;
  /** Logs what was done, where an entry is not needed. */
  logDone(event: string): void;
  readonly subjectKeys: SubjectKeys;
}

export interface AuditDeps {
  readonly unitOfWork: UnitOfWork;
  readonly log: Log;
  readonly secretKey: string;
  readonly clock: Clock;
}

/** The id of the operator, who has no account. */
export const operatorId = nobodyId;

export function createAudit({ unitOfWork, log, secretKey, clock }: AuditDeps): Audit {
  const { transaction, afterCommit, ofTransaction } = unitOfWork;
  const chains = createChains({ unitOfWork, log, key: deriveKey(secretKey, 'audit-chain') });
  const subjectKeys = createSubjectKeys(unitOfWork.query, secretKey);
  const orderKey = {};
  const reported = new WeakSet<RequestContext>();

  const keyOf = (id: string, sealedKey: Buffer | null) =>
    sealedKey === null ? subjectKeys.create(id) : subjectKeys.open(id, sealedKey);

  const appendOne = async (entry: NewEntry): Promise<void> => {
    const context = currentContext();
    const actor = actorOf(entry, context);
    const owners = ownersOf(entry, actor);
    const locked = await chains.lock(owners, actor.kind === 'operator');
    const id = uuidv7();
    const { subjectId } = owners;
    const subjectKey = await keyOf(subjectId, locked.subject_key);
    const isSame = subjectId === owners.clientKeyId;
    const clientKey = isSame ? subjectKey : await keyOf(owners.clientKeyId, locked.client_key);
    const row = {
      id,
      at: clock(),
      action: entry.action,
      outcome: entry.refusal === undefined ? ('done' as const) : ('refused' as const),
      code: entry.refusal ?? null,
      actor_kind: actor.kind,
      actor_id: actor.id,
      target_type: entry.target?.type ?? null,
      target_id: entry.target?.id ?? null,
      request_id: context?.client.requestId ?? null,
      subject_id: subjectId,
      details: sealJson(subjectKey, id, { before: entry.before, after: entry.after }),
      client: sealJson(clientKey, clientLabelOf(id), clientOf(context)),
    };
    await chains.append(locked, row);
    afterCommit(() => logSecurityEvent(log, eventOf(row)));
  };

  /** One after the other within a transaction, as each entry continues the one before it. */
  const appendInOrder = (entry: NewEntry): Promise<void> => {
    const order = ofTransaction<{ last: Promise<void> }>(orderKey, () => ({
      last: Promise.resolve(),
    }));
    const appended = order.last.then(() => appendOne(entry));
    order.last = appended.catch(() => undefined);
    return appended;
  };

  return {
    append: (entry) => transaction(() => appendInOrder(entry)),

    logRefusal(event, code) {
      const context = currentContext();
      if (context && reported.has(context)) return;
      if (context) reported.add(context);
      logSecurityEvent(log, { event, outcome: 'refused', code, ...callerOf(event, context) });
    },

    logDone(event) {
      logSecurityEvent(log, { event, outcome: 'done', ...callerOf(event, currentContext()) });
    },

    subjectKeys,
  };
}

/** What of an entry stands in the log; its details are sealed, and stay so. */
function eventOf(row: UnchainedEntry): SecurityEvent {
  return {
    event: row.action,
    outcome: row.outcome,
    code: row.code ?? undefined,
    actorKind: row.actor_kind,
    actorId: row.actor_id ?? undefined,
    targetType: row.target_type ?? undefined,
    targetId: row.target_id ?? undefined,
  };
}

function callerOf(action: string, context: RequestContext | undefined) {
  const { kind, id } = actorOf({ action }, context);
  return { actorKind: kind, actorId: id ?? undefined };
}

function actorOf(
  { actorId }: NewEntry,
  context: RequestContext | undefined,
): { readonly kind: ActorKind; readonly id: string | null } {
  const id = actorId ?? context?.actor?.person.id;
  if (id === operatorId) return { kind: 'operator', id: null };
  if (id !== undefined) return { kind: 'user', id };
  return { kind: context ? 'anonymous' : 'system', id: null };
}

/**
 * Whose keys seal the entry. The client is the actor's; that of somebody unknown belongs to the subject.
 * Somebody unknown has a key too: equal work for a failed login, whoever it was meant for.
 */
function ownersOf({ target }: NewEntry, actor: { readonly id: string | null }): KeyOwners {
  const subjectId = (target?.type === 'user' ? target.id : actor.id) ?? nobodyId;
  return { subjectId, clientKeyId: actor.id ?? subjectId };
}

function clientOf(context: RequestContext | undefined): EntryClient {
  return {
    ...(context?.client.ipAddress ? { ipAddress: context.client.ipAddress } : {}),
    ...(context?.client.userAgent ? { userAgent: context.client.userAgent.slice(0, 300) } : {}),
  };
}

function sealJson(key: Buffer, label: string, value: object): Buffer {
  return seal(key, label, Buffer.from(JSON.stringify(value)));
}
