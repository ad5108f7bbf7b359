/** A session: one login on one device. The reason of its end, network and refresh counter are read by SQL only. */
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
    user: () => p.manyToOne(User).joinColumn('user_id'),
    createdAt: p.datetime().length(3),
    /** When its current tokens were issued: at the login or at the last refresh. */
    lastUsedAt: p.datetime().length(3),
    /** When the session ends without another refresh. */
    expiresAt: p.datetime().length(3),
    endedAt: p.datetime().length(3).nullable(),
    ipAddress: p.text(),
    userAgent: p.text(),
  },
});

export class Session extends SessionSchema.class {}
SessionSchema.setClass(Session);
