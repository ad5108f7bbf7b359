/** The mails that are not sent yet, for the operator: what waits, what failed, and sending it again. */
import { Problem } from '../../core/errors.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { createJobQueue, type QueuedJob, type QueueStats } from '../../jobs/queue.ts';
import type { JobPayload, Tasks } from '../../jobs/tasks.ts';
import { mailTask } from '../../mail/outbox.ts';
import type { Audit } from '../audit/audit.ts';

export interface QueuedMail extends Omit<QueuedJob, 'payload'> {
  /** Which mail, such as `verify-email`. */
  readonly mail: string;
  /** The address, as far as it is still known: that of an erased account is not. */
  readonly to: string | null;
}

export interface MailQueue {
  /** Oldest first. */
  list(options: { readonly isDeadOnly: boolean; readonly limit: number }): Promise<QueuedMail[]>;
  stats(): Promise<QueueStats>;
  /**
   * Makes these mails, or all dead ones, due now. Answers their ids.
   *
   * @throws NOT_FOUND, and sends none, when one of them is not in the queue or is being sent
   */
  resend(ids?: readonly string[]): Promise<readonly string[]>;
  readonly tasks: Tasks;
  /** When which of the tasks is to be done, in crontab's notation. */
  readonly schedule: string;
}

const purgeTask = 'purge-dead-mails';
/** What nobody cared for in that time is of no use to its recipient any more. */
const keptDays = 30;
/** Ids in an entry of the record; of more, only their number is told. */
const recordedIds = 100;

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
        const revived = await queue.retry(mailTask, ids);
        if (ids && revived.length < new Set(ids).size) throw new Problem('NOT_FOUND');
        if (revived.length === 0) return [];
        const after = { count: revived.length, ids: revived.slice(0, recordedIds) };
        await audit.append({ action: 'mails-resent', after });
        return revived;
      }),

    tasks: { [purgeTask]: () => queue.purgeDead(mailTask, keptDays) },
    schedule: `43 3 * * * ${purgeTask}`,
  };
}

function subjectOf({ oneTimePasswordId, userId }: JobPayload): string | undefined {
  return textOf(oneTimePasswordId) ?? textOf(userId);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
