/**
 * One person's account. Nothing secret is kept here, so a User may be returned anywhere: hashes
 * have a table of their own.
 */
import { defineEntity, p } from '@mikro-orm/core';
import { v7 as uuidv7 } from 'uuid';
import { Group, Permission } from '../access/access.entities.ts';

export type UserStatus = 'PENDING' | 'ACTIVE' | 'DISABLED';

const UserSchema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => uuidv7()),
    email: p.text().unique(),
    username: p.text().strictNullable(),
    firstName: p.text().default(''),
    lastName: p.text().default(''),
    status: p.text().$type<UserStatus>(),
    isStaff: p.boolean().default(false),
    isSuperuser: p.boolean().default(false),
    pendingEmail: p.text().strictNullable(),
    /** When the owner proved the present address; null for one that an administrator set. */
    emailVerifiedAt: p.datetime().length(3).strictNullable(),
    /** BCP 47; the service's own language where it is not known. */
    locale: p.text().strictNullable(),
    createdAt: p
      .datetime()
      .length(3)
      .onCreate(() => new Date()),
    updatedAt: p
      .datetime()
      .length(3)
      .onCreate(() => new Date())
      .onUpdate(() => new Date()),
    lastLoginAt: p.datetime().length(3).strictNullable(),
    groups: () =>
      p
        .manyToMany(Group)
        .pivotTable('user_groups')
        .joinColumn('user_id')
        .inverseJoinColumn('group_id'),
    permissions: () =>
      p
        .manyToMany(Permission)
        .pivotTable('user_permissions')
        .joinColumn('user_id')
        .inverseJoinColumn('permission_id'),
  },
});

export class User extends UserSchema.class {}
UserSchema.setClass(User);

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
