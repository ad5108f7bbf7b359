/**
 * The cause of a mail: time, and the client or the role that caused it. It is taken from the request that queues the
 * mail. A job that queues mails for an earlier request carries the cause of that request in its payload.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { isIP } from 'node:net';
import { type Actor, actorIdOf, currentContext, operatorId } from '../core/request-context.ts';
import type { JobPayload, Task } from '../jobs/tasks.ts';
import { type Device, deviceOf } from './device.ts';

export interface Cause {
  /** RFC 3339. */
  readonly at: string;
  /**
   * `client` is the user or a stranger. For the others the mail names no address and no device: those of an
   * administrator are not for the user.
   */
  readonly by: 'client' | 'administrator' | 'operator' | 'service';
  readonly ipAddress?: string;
  readonly device?: Device;
}

const ofJob = new AsyncLocalStorage<{ readonly cause: Cause | undefined }>();

/**
 * The cause of a mail about the account `userId`. Without `userId` the mail is the consequence of a request that
 * everybody can make, so that its client is named in any case. Undefined for a job of an older release.
 */
export function currentCause(userId?: string): Cause | undefined {
  const job = ofJob.getStore();
  if (job) return job.cause;
  const at = new Date().toISOString();
  const context = currentContext();
  if (!context) return { at, by: 'service' };
  const { actor, client } = context;
  const by = actor === undefined ? 'client' : roleOf(actor, userId);
  return by === 'client' ? { at, by, ...clientOf(client) } : { at, by };
}

/**
 * A user who holds no administrative role and has a link of another account is an ordinary client, as a stranger
 * would be: the owner must see the address.
 */
function roleOf(actor: Actor, userId: string | undefined): Cause['by'] {
  const id = actorIdOf(actor);
  if (id === operatorId) return 'operator';
  if (userId === undefined || id === userId) return 'client';
  const isAdministrator =
    actor.kind === 'service-account' || actor.user.isStaff || actor.user.isSuperuser;
  return isAdministrator ? 'administrator' : 'client';
}

function clientOf({ ipAddress, userAgent }: { ipAddress: string; userAgent: string }) {
  const address = ipAddress.replace(/^::ffff:(?=[\d.]+$)/i, '');
  return { ...(isIP(address) === 0 ? {} : { ipAddress: address }), device: deviceOf(userAgent) };
}

/** The payload of a job that will queue mails for the current request, which everybody can make. */
export function withCause<Payload extends JobPayload>(payload: Payload): Payload & JobPayload {
  const cause = currentCause();
  return cause === undefined ? payload : { ...payload, cause };
}

/** A task whose mails have the cause in the payload of its job. */
export function causedTask(task: Task): Task {
  return (payload, job) => {
    const cause = payload.cause as Cause | undefined; // from `withCause` or `enqueueMail`
    return ofJob.run({ cause }, () => task(payload, job));
  };
}
