/** The mails that are not sent yet, for the operator: lists them, counts them and sends them again. */
import { Problem } from '../../core/errors.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { createJobQueue, type QueuedJob, type QueueStats } from '../../jobs/queue.ts';
import type { JobPayload, Tasks } from '../../jobs/tasks.ts';
import { mailTask } from '../../mail/outbox.ts';
import type { Audit } from '../audit/audit.ts';

export interface QueuedMail extends Omit<QueuedJob, 'payload'> {
  /** The kind of the mail, such as `verify-email`. */
  readonly mail: string;
  /** The address; null after the erasure of the account. */
  readonly to: string | null;
}

export interface MailQueue {
  /** Oldest first. */
  list(options: { readonly isDeadOnly: boolean; readonly limit: number }): Promise<QueuedMail[]>;
  stats(): Promise<QueueStats>;
  /**
   * Makes these mails, or all dead ones, due now. Returns their ids.
   *
   * @throws NOT_FOUND without a change, if one of them is not in the queue or is being sent
   */
  resend(ids?: readonly string[]): Promise<readonly string[]>;
  readonly tasks: Tasks;
  /** The schedule of the tasks, in the notation of crontab. */
  readonly schedule: string;
}

const purgeTask = 'purge-dead-mails';
/** A dead mail is of no use to its recipient after this time. */
const deadMailRetentionDays = 30;
/** The number of ids that an entry of the audit log contains at most. */
const auditedIdLimit = 100;

export function createMailQueue(unitOfWork: UnitOfWork, audit: Audit): MailQueue {
  const { query, transaction } = unitOfWork;
  const queue = createJobQueue(unitOfWork);

  /** Addresses by the id of the user or of the one-time password that a mail is about. */
  const addressesOf = async (payloads: readonly JobPayload[]): Promise<Map<string, string>> => {
    const ids = payloads.map(subjectOf).filter((id) => id !== undefined);
    const rows = await query<{ id: string; email: string }>(
      `select id, email from one_time_passwords where id = any(?::uuid[])
       union all select id, email from users where id = any(?::uuid[])`,
      [ids, ids],
    );
    return new Map(rows.map(({ id, email }) => [id, email]));
  };

  return {
    async list(options) {
      const jobs = await queue.list(mailTask, options);
      const addresses = await addressesOf(jobs.map(({ payload }) => payload));
      return jobs.map(({ payload, ...job }) => ({
        ...job,
        mail: textOf(payload.mail) ?? '',
        to: textOf(payload.to) ?? addresses.get(subjectOf(payload) ?? '') ?? null,
      }));
    },

    stats: () => queue.stats(mailTask),

    resend: (ids) =>
      transaction(async () => {
        const retried = await queue.retry(mailTask, ids);
        if (ids && retried.length < new Set(ids).size) throw new Problem('NOT_FOUND');
        if (retried.length === 0) return [];
        const after = { count: retried.length, ids: retried.slice(0, auditedIdLimit) };
        await audit.append({ action: 'mails-resent', after });
        return retried;
      }),

    tasks: { [purgeTask]: () => queue.purgeDead(mailTask, deadMailRetentionDays) },
    schedule: `43 3 * * * ${purgeTask}`,
  };
}

function subjectOf({ oneTimePasswordId, userId }: JobPayload): string | undefined {
  return textOf(oneTimePasswordId) ?? textOf(userId);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
