/**
 * What a change to a User means: which mails follow. Runs inside the flush, so that the change and its
 * consequences happen together or not at all. The database itself keeps superusers in the group Root.
 */
import type { ChangeSet, EventArgs, EventSubscriber } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { MailMessage } from '../../mail/outbox.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import { User } from './user.entity.ts';

/** Changes that their owner is told of. Names as in the schema. */
const noticedFields = ['email', 'username', 'firstName', 'lastName'] as const;

export class UserSubscriber implements EventSubscriber<User> {
  getSubscribedEntities() {
    return [User];
  }

  async afterCreate(args: EventArgs<User>): Promise<void> {
    const em = sqlManager(args);
    for (const intent of intentsOfCreation(args.entity)) await enqueueMail(em, intent);
  }

  async afterUpdate(args: EventArgs<User>): Promise<void> {
    if (!args.changeSet) return;
    const em = sqlManager(args);
    for (const intent of intentsOfChange(args.changeSet)) await enqueueMail(em, intent);
  }
}

/** The code of a PENDING account is mailed with its one-time password, see there. */
function intentsOfCreation(user: User): readonly MailMessage[] {
  return user.isSuperuser || user.isStaff
    ? [{ mail: 'administrator-rights', userId: user.id }]
    : [];
}

function intentsOfChange({ entity, originalEntity, payload }: ChangeSet<User>): MailMessage[] {
  const userId = entity.id;
  const intents: MailMessage[] = [];
  const isActivation = originalEntity?.status === 'PENDING' && payload.status === 'ACTIVE';
  const fields = noticedFields.filter((field) => field in payload);
  if (fields.length > 0 && !isActivation) {
    // Of a new address the owner of the old one is told.
    const before = originalEntity?.email;
    const isMoved = fields.includes('email') && typeof before === 'string';
    intents.push({ mail: 'account-changed', userId, fields, ...(isMoved ? { to: before } : {}) });
  }
  if (payload.isStaff === true || payload.isSuperuser === true) {
    intents.push({ mail: 'administrator-rights', userId });
  }
  if (payload.status === 'DISABLED') intents.push({ mail: 'account-disabled', userId });
  return intents;
}

/** MikroORM types the manager of an event for any driver; ours is always PostgreSQL's. */
function sqlManager(args: EventArgs<User>): EntityManager {
  return args.em as EntityManager;
}
