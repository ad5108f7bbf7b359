/** A caller without a mail address and a password. Groups and permissions are read by SQL only. */
import { defineEntity, p } from '@mikro-orm/core';
import { v7 as uuidv7 } from 'uuid';
import { entityTime } from '../../database/clock.ts';

const ServiceAccountSchema = defineEntity({
  name: 'ServiceAccount',
  tableName: 'service_accounts',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => uuidv7()),
    /** The public name at the OAuth endpoints. */
    clientId: p.text(),
    name: p.text(),
    description: p.text().default(''),
    /** Null for an active account. */
    disabledAt: p.datetime().length(3).strictNullable(),
    createdAt: p.datetime().length(3).onCreate(entityTime),
    lastUsedAt: p.datetime().length(3).strictNullable(),
  },
});

export class ServiceAccount extends ServiceAccountSchema.class {}
ServiceAccountSchema.setClass(ServiceAccount);
