/**
 * One emailed single-use proof. The row holds the digest of its secret; the secret itself is derived
 * from the id when the mail is written.
 */
import { defineEntity, p } from '@mikro-orm/core';
import { User } from '../users/user.entity.ts';

export type OneTimePasswordKind = 'verify-email' | 'reset-password' | 'change-email' | 'invite';

const OneTimePasswordSchema = defineEntity({
  name: 'OneTimePassword',
  tableName: 'one_time_passwords',
  properties: {
    id: p.uuid().primary(),
    user: () => p.manyToOne(User).joinColumn('user_id').deleteRule('cascade'),
    kind: p.text().$type<OneTimePasswordKind>(),
    digest: p.text().unique(),
    /** The address that the mail went to, and the only one that the secret proves. */
    email: p.text(),
    createdAt: p.datetime().length(3),
    expiresAt: p.datetime().length(3),
    /** When it was used, or when something newer took its place. */
    endedAt: p.datetime().length(3).nullable(),
  },
});

export class OneTimePassword extends OneTimePasswordSchema.class {}
OneTimePasswordSchema.setClass(OneTimePassword);
