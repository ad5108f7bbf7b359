/** The argon2id hash of one user's password, apart from the user so that it is never returned. */
import { defineEntity, p } from '@mikro-orm/core';
import { User } from './user.entity.ts';

const PasswordHashSchema = defineEntity({
  name: 'PasswordHash',
  tableName: 'password_hashes',
  properties: {
    user: () => p.oneToOne(User).primary().joinColumn('user_id').deleteRule('cascade'),
    hash: p.text().name('password_hash'),
    updatedAt: p
      .datetime()
      .length(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
  },
});

export class PasswordHash extends PasswordHashSchema.class {}
PasswordHashSchema.setClass(PasswordHash);
