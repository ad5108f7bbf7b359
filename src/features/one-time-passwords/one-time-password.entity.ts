/**
 * A single-use code or token that is sent by mail. The row has the digest of the secret; the secret is
 * derived from the id when the mail is written.
 */
import { defineEntity, p } from '@mikro-orm/core';
import { User } from '../users/user.entity.ts';

export type OneTimePasswordKind = 'verify-email' | 'reset-password' | 'change-email' | 'invite';

const OneTimePasswordSchema = defineEntity({
  name: 'OneTimePassword',
  tableName: 'one_time_passwords',
  properties: {
    id: p.uuid().primary(),
    user: () => p.manyToOne(User).joinColumn('user_id'),
    kind: p.text().$type<OneTimePasswordKind>(),
    digest: p.text(),
    /** Wrong attempts with the short code of the address. */
    failedShortCodes: p.smallint().default(0),
    /** The recipient of the mail, and the only address that the secret verifies. */
    email: p.text(),
    createdAt: p.datetime().length(3),
    expiresAt: p.datetime().length(3),
    /** When it was used or replaced. */
    endedAt: p.datetime().length(3).nullable(),
  },
});

export class OneTimePassword extends OneTimePasswordSchema.class {}
OneTimePasswordSchema.setClass(OneTimePassword);
