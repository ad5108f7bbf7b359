/**
 * Queues the mails that follow from a change of a User. It runs inside the flush, so change and mails
 * commit together. A trigger of the database maintains the members of the group Root.
 */
import type { ChangeSet, EventArgs, EventSubscriber } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { MailMessage } from '../../mail/outbox.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import { User } from './user.entity.ts';

/** The owner gets a notice when one of these fields changes. The names are those of the schema. */
const fieldsWithNotice = ['email', 'username', 'firstName', 'lastName'] as const;

export class UserSubscriber implements EventSubscriber<User> {
  getSubscribedEntities() {
    return [User];
  }

  async afterCreate(args: EventArgs<User>): Promise<void> {
    const em = sqlManager(args);
    for (const message of messagesOfCreation(args.entity)) {
      await enqueueMail(em, message, args.entity.id);
    }
  }

  async afterUpdate(args: EventArgs<User>): Promise<void> {
    if (!args.changeSet) return;
    const em = sqlManager(args);
    for (const message of messagesOfChange(args.changeSet)) {
      await enqueueMail(em, message, args.entity.id);
    }
  }
}

/** The one-time password of a PENDING account queues its own mail. */
function messagesOfCreation(user: User): readonly MailMessage[] {
  return user.isSuperuser || user.isStaff
    ? [{ mail: 'administrator-rights', userId: user.id }]
    : [];
}

function messagesOfChange({ entity, originalEntity, payload }: ChangeSet<User>): MailMessage[] {
  const userId = entity.id;
  const messages: MailMessage[] = [];
  const isActivation = originalEntity?.status === 'PENDING' && payload.status === 'ACTIVE';
  const fields = fieldsWithNotice.filter((field) => field in payload);
  if (fields.length > 0 && !isActivation) {
    // The notice of a new address goes to the old address.
    const before = originalEntity?.email;
    const isAddressChanged = fields.includes('email') && typeof before === 'string';
    messages.push({
      mail: 'account-changed',
      userId,
      fields,
      ...(isAddressChanged ? { to: before } : {}),
    });
  }
  if (payload.isStaff === true || payload.isSuperuser === true) {
    messages.push({ mail: 'administrator-rights', userId });
  }
  if (payload.status === 'DISABLED') messages.push({ mail: 'account-disabled', userId });
  return messages;
}

/** as: MikroORM types the manager of an event for any driver. Here it is always PostgreSQL's. */
function sqlManager(args: EventArgs<User>): EntityManager {
  return args.em as EntityManager;
}
