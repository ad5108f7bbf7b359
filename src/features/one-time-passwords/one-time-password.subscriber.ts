/** A one-time password is a mail by definition: recording one enqueues it, in the same transaction. */
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
    // The manager of an event is typed for any driver; ours is always PostgreSQL's.
    await enqueueMail(em as EntityManager, intentOf(entity));
  }
}

/** A change of address has two: one that confirms it at the new, one that stops it at the present. */
function intentOf({ id: oneTimePasswordId, kind, email, user }: OneTimePassword): MailMessage {
  if (kind === 'verify-email') return { mail: kind, oneTimePasswordId };
  const isNotice = kind === 'change-email' && email === user.email;
  return { mail: isNotice ? 'email-change-requested' : kind, oneTimePasswordId };
}
