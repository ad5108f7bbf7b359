/** Queues the mail of a new one-time password, in the transaction that inserts it. */
import type { EventArgs, EventSubscriber } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { MailMessage } from '../../mail/outbox.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import { OneTimePassword } from './one-time-password.entity.ts';

export class OneTimePasswordSubscriber implements EventSubscriber<OneTimePassword> {
  getSubscribedEntities() {
    return [OneTimePassword];
  }

  async afterCreate({ entity, em }: EventArgs<OneTimePassword>): Promise<void> {
    // as: MikroORM types the manager of an event for any driver. Here it is always PostgreSQL's.
    await enqueueMail(em as EntityManager, messageOf(entity), entity.user.id);
  }
}

/** An email change has two: one to the new address confirms it, one to the current address cancels it. */
function messageOf({ id: oneTimePasswordId, kind, email, user }: OneTimePassword): MailMessage {
  if (kind === 'verify-email') return { mail: kind, oneTimePasswordId };
  const isNotice = kind === 'change-email' && email === user.email;
  return { mail: isNotice ? 'email-change-requested' : kind, oneTimePasswordId };
}
