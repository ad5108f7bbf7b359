/** One login on one device. Of its refresh tokens only the counter is stored. */
import { defineEntity, p } from '@mikro-orm/core';
import { User } from '../users/user.entity.ts';

export type EndReason =
  | 'logged-out'
  | 'revoked'
  | 'refresh-token-reused'
  | 'password-changed'
  | 'account-not-active'
  | 'session-limit';

const SessionSchema = defineEntity({
  name: 'Session',
  tableName: 'sessions',
  properties: {
    id: p.uuid().primary(),
    user: () => p.manyToOne(User).joinColumn('user_id').deleteRule('cascade'),
    refreshCounter: p.integer().default(0),
    createdAt: p.datetime().length(3),
    /** When its present tokens were issued: by the login, and by each refresh since. */
    lastUsedAt: p.datetime().length(3),
    /** When it ends unless it is refreshed before. */
    expiresAt: p.datetime().length(3),
    endedAt: p.datetime().length(3).nullable(),
    endReason: p.text().$type<EndReason>().nullable(),
    ipAddress: p.text(),
    /** Of the login, as rate limits count it. */
    network: p.text().default(''),
    userAgent: p.text(),
  },
});

export class Session extends SessionSchema.class {}
SessionSchema.setClass(Session);

const DeletedSessionSchema = defineEntity({
  name: 'DeletedSession',
  tableName: 'deleted_sessions',
  properties: {
    id: p.uuid().primary(),
    deletedAt: p.datetime().length(3).index('deleted_sessions_deleted_at_index'),
  },
});

/** Written by a trigger. */
export class DeletedSession extends DeletedSessionSchema.class {}
DeletedSessionSchema.setClass(DeletedSession);
