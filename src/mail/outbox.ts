/**
 * The outbox. A message is added to the job queue in the caller's transaction. A job writes and sends
 * the mail afterwards, with as many attempts as needed.
 */
import type { EntityManager } from '@mikro-orm/postgresql';
import { v7 as uuidv7 } from 'uuid';
import type { UnitOfWork } from '../database/transaction.ts';
import { createJobQueue } from '../jobs/queue.ts';
import { PermanentFailure, type Tasks, TemporaryFailure } from '../jobs/tasks.ts';
import { enqueueJob } from '../jobs/worker.ts';
import { traced } from '../observability/tracing.ts';
import { type Cause, causedTask, currentCause } from './cause.ts';
import { type Mailer, MailRejected, SmtpUnavailable } from './mailer.ts';
import type { Mail } from './templates/layout.ts';

/** The kind of job that sends a mail. */
export const mailTask = 'send-mail';

/** Mails to addresses that may belong to another person than the one who caused them. They name no cause. */
const mailsWithoutCause: readonly MailMessage['mail'][] = ['verify-email', 'invite'];

/**
 * Queues a mail in the current transaction: the mail is sent if and only if that commits.
 *
 * @param userId the account that the mail is about. Without it the mail names the client of the request as its
 *   cause even if that is an administrator, see `currentCause`
 */
export async function enqueueMail(
  em: EntityManager,
  message: MailMessage,
  userId?: string,
): Promise<void> {
  const cause = mailsWithoutCause.includes(message.mail) ? undefined : currentCause(userId);
  // Not the id of the job: a restored database issues the same ids again.
  await enqueueJob(em, mailTask, {
    ...message,
    messageKey: uuidv7(),
    ...(cause ? { cause } : {}),
  });
}

/**
 * Removes the queued mails of an erased user and those to the address, with their errors: all may contain
 * personal data.
 */
export async function removeQueuedMails(
  unitOfWork: Pick<UnitOfWork, 'query'>,
  about: {
    readonly userId: string;
    readonly email: string;
    readonly oneTimePasswordIds: readonly string[];
  },
): Promise<void> {
  const queue = createJobQueue(unitOfWork);
  await queue.remove(mailTask, 'userId', [about.userId]);
  await queue.remove(mailTask, 'to', [about.email]);
  await queue.remove(mailTask, 'oneTimePasswordId', about.oneTimePasswordIds);
}

const resumeTask = 'resume-mails';
/** When mails are resumed after an outage of the mail server, in crontab format. */
export const resumeSchedule = `* * * * * ${resumeTask}`;

/** The code of jobs that failed because of the mail server, not because of their mail. */
const smtpUnavailable = 'SMTP_UNAVAILABLE';

/**
 * Two tasks. One sends a mail. The other runs the mails that failed during an outage of the mail server,
 * once the server is reachable again: by then the pauses between attempts may be hours long.
 *
 * @param deps.compose writes the mail; undefined when it is obsolete, for example because its code was
 *   replaced
 */
export function mailTasks({
  mailer,
  compose,
  unitOfWork,
}: {
  readonly mailer: Mailer;
  readonly compose: ComposeMail;
  readonly unitOfWork: Pick<UnitOfWork, 'query'>;
}): Tasks {
  const queue = createJobQueue(unitOfWork);
  return {
    // A mail can queue another one, whose cause is the same.
    [mailTask]: causedTask(async (payload, { key, attempt }) => {
      // as: only enqueueMail adds these jobs; an older release added neither key nor cause.
      const { messageKey = key, cause: _cause, ...rest } = payload as QueuedFields;
      const message = rest as unknown as MailMessage;
      const mail = await compose(message, { attempt, cause: currentCause() });
      if (!mail) return;
      await traced(`mail ${message.mail}`, {}, () => deliver(mailer, mail, messageKey));
    }),
    [resumeTask]: async () => {
      if (!(await queue.hasFailed(mailTask, smtpUnavailable))) return;
      if (await mailer.isReachable()) await queue.runNow(mailTask, smtpUnavailable);
    },
  };
}

/** A permanent rejection would be the same at every attempt (RFC 5321 §4.2.1). */
async function deliver(mailer: Mailer, mail: Mail, messageKey: string): Promise<void> {
  try {
    await mailer.send(mail, { messageKey });
  } catch (error) {
    if (error instanceof MailRejected) throw new PermanentFailure(error);
    if (error instanceof SmtpUnavailable) throw new TemporaryFailure(smtpUnavailable, error);
    throw error;
  }
}

/** Writes the mail of a message; undefined when it is obsolete. */
export type ComposeMail = (
  message: MailMessage,
  job: {
    /** 1 for the first attempt. */
    readonly attempt: number;
    /** Undefined for a mail without a cause, and for one of an older release. */
    readonly cause: Cause | undefined;
  },
) => Promise<Mail | undefined>;

interface QueuedFields {
  readonly messageKey?: string;
  readonly cause?: Cause;
}

export type MailMessage =
  /** A code that verifies the address of an account; sent to the address of the one-time password. */
  | { readonly mail: 'verify-email'; readonly oneTimePasswordId: string }
  /** The codes of the pending registrations of an address, each derived from an id. */
  | { readonly mail: 'verify-email'; readonly to: string; readonly codeIds: readonly string[] }
  /** uid and token for a new password. */
  | { readonly mail: 'reset-password'; readonly oneTimePasswordId: string }
  /** The same for an account that an administrator created. */
  | { readonly mail: 'invite'; readonly oneTimePasswordId: string }
  /** A code that verifies the new address of an account; sent to that address. */
  | { readonly mail: 'change-email'; readonly oneTimePasswordId: string }
  /** An address change was requested; sent to the current address, with a code that cancels it. */
  | { readonly mail: 'email-change-requested'; readonly oneTimePasswordId: string }
  /** The password was changed or reset. */
  | { readonly mail: 'password-changed'; readonly userId: string }
  /** The account was erased. The message has the address, because no other row has it. */
  | { readonly mail: 'account-erased'; readonly to: string; readonly locale: string | null }
  /** A registration or address change used the address of an account; sent to its owner. */
  | { readonly mail: 'already-registered'; readonly userId: string }
  /** The same for an account that is disabled. */
  | { readonly mail: 'account-closed'; readonly userId: string }
  /** Fields of the account were changed; named as in the schema. */
  | {
      readonly mail: 'account-changed';
      readonly userId: string;
      readonly fields: readonly string[];
      /** The recipient, when it is not the current address of the account. */
      readonly to?: string;
    }
  /** The account received the rights of an administrator. */
  | { readonly mail: 'administrator-rights'; readonly userId: string }
  /** A refresh token was used twice, so its session was revoked. */
  | { readonly mail: 'refresh-token-reused'; readonly userId: string }
  /** The account was disabled. */
  | { readonly mail: 'account-disabled'; readonly userId: string };
