/** A permission: a code that may be granted to users and groups, and what people call it. */
import { defineEntity, p } from '@mikro-orm/core';
import { v7 as uuidv7 } from 'uuid';

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
