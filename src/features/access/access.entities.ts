/** A group: a named set of permissions that its members hold. */
import { defineEntity, p } from '@mikro-orm/core';
import { v7 as uuidv7 } from 'uuid';

/** The group of the superusers, which the database keeps; made by the first migration with every permission. */
export const rootGroupName = 'Root';

const GroupSchema = defineEntity({
  name: 'Group',
  tableName: 'groups',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => uuidv7()),
    name: p.text().unique(),
    description: p.text().default(''),
    permissions: () =>
      p
        .manyToMany(Permission)
        .pivotTable('group_permissions')
        .joinColumn('group_id')
        .inverseJoinColumn('permission_id'),
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
    codename: p.text().unique(),
    name: p.text(),
    isBuiltIn: p.boolean().default(false),
  },
});

export class Permission extends PermissionSchema.class {}
PermissionSchema.setClass(Permission);
