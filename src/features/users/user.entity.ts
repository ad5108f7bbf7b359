/**
 * The account of a person, and its password hash. The hash has its own table and entity, so any code
 * may return a User. Groups and permissions are read by SQL only.
 */
import { defineEntity, p } from '@mikro-orm/core';
import { v7 as uuidv7 } from 'uuid';
import type { JsonObject } from '../../core/json.ts';
import { entityTime } from '../../database/clock.ts';

export type UserStatus = 'PENDING' | 'ACTIVE' | 'DISABLED';

const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => uuidv7()),
    email: p.text(),
    username: p.text().strictNullable(),
    firstName: p.text().default(''),
    lastName: p.text().default(''),
    status: p.text().$type<UserStatus>(),
    isStaff: p.boolean().default(false),
    isSuperuser: p.boolean().default(false),
    pendingEmail: p.text().strictNullable(),
    /** When the owner verified the current address; null for an address that an administrator set. */
    emailVerifiedAt: p.datetime().length(3).strictNullable(),
    /** BCP 47; null stands for the default language. */
    locale: p.text().strictNullable(),
    /** The unique id that another system knows the account by. */
    externalId: p.text().strictNullable(),
    /** Fields of other systems, which administrators write and the owner reads. */
    metadata: p.json().$type<JsonObject>().defaultRaw("'{}'"),
    createdAt: p.datetime().length(3).onCreate(entityTime),
    updatedAt: p.datetime().length(3).onCreate(entityTime).onUpdate(entityTime),
    lastLoginAt: p.datetime().length(3).strictNullable(),
  },
});

export class User extends UserSchema.class {}
UserSchema.setClass(User);

const PasswordHashSchema = defineEntity({
  name: 'PasswordHash',
  tableName: 'password_hashes',
  properties: {
    user: () => p.oneToOne(User).primary().joinColumn('user_id'),
    hash: p.text().name('password_hash'),
    updatedAt: p.datetime().length(3).onCreate(entityTime).onUpdate(entityTime),
  },
});

export class PasswordHash extends PasswordHashSchema.class {}
PasswordHashSchema.setClass(PasswordHash);
