/**
 * The outbox: what the service means to tell somebody is recorded in the caller's transaction and
 * turned into a mail afterwards, as often as it takes. What a mail says is handed in.
 */
import type { EntityManager } from '@mikro-orm/postgresql';
import { v7 as uuidv7 } from 'uuid';
import type { UnitOfWork } from '../database/transaction.ts';
import { createJobQueue } from '../jobs/queue.ts';
import { PermanentFailure, type Tasks } from '../jobs/tasks.ts';
import { enqueueJob } from '../jobs/worker.ts';
import { traced } from '../observability/tracing.ts';
import { type Mailer, MailRefused, SmtpUnavailable } from './mailer.ts';
import type { Mail } from './templates/layout.ts';

/** The kind of job that sends a mail. */
export const mailTask = 'send-mail';

/** Records `intent` in the transaction at hand: it is sent if and only if that commits. */
export async function enqueueMail(em: EntityManager, intent: MailMessage): Promise<void> {
  // Not the number of the job: a database that is restored gives numbers again.
  await enqueueJob(em, mailTask, { ...intent, messageKey: uuidv7() });
}

/** Takes back what was to be told to somebody who is erased; errors kept with it may quote them. */
export async function forgetMails(
  unitOfWork: Pick<UnitOfWork, 'query'>,
  about: { readonly userId: string; readonly oneTimePasswordIds: readonly string[] },
): Promise<void> {
  const queue = createJobQueue(unitOfWork);
  await queue.remove(mailTask, 'userId', [about.userId]);
  await queue.remove(mailTask, 'oneTimePasswordId', about.oneTimePasswordIds);
}

const resumeTask = 'resume-mails';
/** When what a server left undone is looked after, in crontab's notation. */
export const resumeSchedule = `* * * * * ${resumeTask}`;

/**
 * The tasks that send mails: one each; and all that wait for a server that was away once it is there
 * again, as the pauses between attempts have grown to hours by then.
 *
 * @param parts.compose writes the mail, or nothing when its reason is gone (a code replaced meanwhile);
 *   `attempt` is 1 for the first attempt
 */
export function mailTasks({
  mailer,
  compose,
  unitOfWork,
}: {
  readonly mailer: Mailer;
  readonly compose: (intent: MailMessage, attempt: number) => Promise<Mail | undefined>;
  readonly unitOfWork: Pick<UnitOfWork, 'query'>;
}): Tasks {
  const queue = createJobQueue(unitOfWork);
  const { beginning } = SmtpUnavailable;
  return {
    [mailTask]: async (payload, { key, attempt }) => {
      // Recorded by enqueueMail alone; by an older release without a key.
      const { messageKey = key, ...rest } = payload as MailMessage & { messageKey?: string };
      const intent = rest as MailMessage;
      const mail = await compose(intent, attempt);
      if (!mail) return;
      await traced(`mail ${intent.mail}`, {}, () => deliver(mailer, mail, messageKey));
    },
    [resumeTask]: async () => {
      if (!(await queue.isHeldUp(mailTask, beginning)) || !(await mailer.isReachable())) return;
      await queue.runNow(mailTask, beginning);
    },
  };
}

/** A refusal of this recipient or this mail would be the same next time (RFC 5321 §4.2.1). */
async function deliver(mailer: Mailer, mail: Mail, messageKey: string): Promise<void> {
  try {
    await mailer.send(mail, { messageKey });
  } catch (error) {
    throw error instanceof MailRefused ? new PermanentFailure(error) : error;
  }
}

export type MailMessage =
  /** A code that verifies the address of an account; sent to the address of the one-time password. */
  | { readonly mail: 'verify-email'; readonly oneTimePasswordId: string }
  /** The codes of the registrations that wait for an address, each derived from an id. */
  | { readonly mail: 'verify-email'; readonly to: string; readonly codeIds: readonly string[] }
  /** uid and token to choose a new password with. */
  | { readonly mail: 'reset-password'; readonly oneTimePasswordId: string }
  /** The same for an account that an administrator has made. */
  | { readonly mail: 'invite'; readonly oneTimePasswordId: string }
  /** A code that proves a new address of an account; sent to that address. */
  | { readonly mail: 'change-email'; readonly oneTimePasswordId: string }
  /** Another address was asked for; sent to the present one, with a code that stops it. */
  | { readonly mail: 'email-change-requested'; readonly oneTimePasswordId: string }
  /** The password was changed, or reset by mail. */
  | { readonly mail: 'password-changed'; readonly userId: string }
  /** The account is gone; nothing else knows its address any more. */
  | { readonly mail: 'account-erased'; readonly to: string; readonly locale: string | null }
  /** Somebody registered an address that has an account; sent to its owner. */
  | { readonly mail: 'already-registered'; readonly userId: string }
  /** The same for an account that is disabled. */
  | { readonly mail: 'account-closed'; readonly userId: string }
  /** Something about the account was changed; `fields` are names as in the schema. */
  | {
      readonly mail: 'account-changed';
      readonly userId: string;
      readonly fields: readonly string[];
      /** Where it goes, when that is not the address that the account has now. */
      readonly to?: string;
    }
  /** The account was given, or made with, the rights of an administrator. */
  | { readonly mail: 'administrator-rights'; readonly userId: string }
  /** A refresh token was used twice, so its session was ended. */
  | { readonly mail: 'refresh-token-reused'; readonly userId: string }
  /** Nobody can log in with the account any more. */
  | { readonly mail: 'account-disabled'; readonly userId: string };
