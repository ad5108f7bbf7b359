/** Groups and permissions. The permissions of a group are read by SQL only. */
import { defineEntity, p } from '@mikro-orm/core';
import { v7 as uuidv7 } from 'uuid';

/** The group of the superusers. The first migration creates it; triggers maintain its members and permissions. */
export const rootGroupName = 'Root';

const GroupSchema = defineEntity({
  name: 'Group',
  tableName: 'groups',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => uuidv7()),
    name: p.text(),
    description: p.text().default(''),
  },
});

export class Group extends GroupSchema.class {}
GroupSchema.setClass(Group);

const PermissionSchema = defineEntity({
  name: 'Permission',
  tableName: 'permissions',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => uuidv7()),
    codename: p.text(),
    name: p.text(),
    isBuiltIn: p.boolean().default(false),
  },
});

export class Permission extends PermissionSchema.class {}
PermissionSchema.setClass(Permission);
