/**
 * The outbox: what the service means to tell somebody is recorded in the caller's transaction and
 * turned into a mail afterwards, as often as it takes. What a mail says is handed in.
 */
import type { EntityManager } from '@mikro-orm/postgresql';
import { enqueueJob, type Tasks } from '../db/jobs.ts';
import type { MailIntent } from './intents.ts';
import type { Mail, Mailer } from './mailer.ts';

const taskName = 'send-mail';

/** Records `intent` in the transaction at hand: it is sent if and only if that commits. */
export async function enqueueMail(em: EntityManager, intent: MailIntent): Promise<void> {
  await enqueueJob(em, taskName, intent);
}

/**
 * The task that sends mails.
 *
 * @param compose writes the mail, or nothing when its reason is gone (a code replaced meanwhile)
 */
export function mailTasks(
  mailer: Mailer,
  compose: (intent: MailIntent) => Promise<Mail | undefined>,
): Tasks {
  return {
    [taskName]: async (payload, { key }) => {
      const mail = await compose(payload as MailIntent); // recorded by enqueueMail alone
      if (mail) await mailer.send(mail, { messageKey: key });
    },
  };
}
