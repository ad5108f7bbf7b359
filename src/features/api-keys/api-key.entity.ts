/** An API key of a user or a service account. The digest of its secret is read and written by SQL only. */
import { defineEntity, p } from '@mikro-orm/core';
import { v7 as uuidv7 } from 'uuid';
import { entityTime } from '../../database/clock.ts';

const ApiKeySchema = defineEntity({
  name: 'ApiKey',
  tableName: 'api_keys',
  properties: {
    id: p
      .uuid()
      .primary()
      .onCreate(() => uuidv7()),
    /** Exactly one of the two owners is set. */
    userId: p.uuid().strictNullable(),
    serviceAccountId: p.uuid().strictNullable(),
    name: p.text(),
    prefix: p.text(),
    /** The codes that limit the key; null for everything that its owner holds. */
    permissions: p.array().columnType('text[]').strictNullable(),
    createdAt: p.datetime().length(3).onCreate(entityTime),
    expiresAt: p.datetime().length(3).strictNullable(),
    revokedAt: p.datetime().length(3).strictNullable(),
    lastUsedAt: p.datetime().length(3).strictNullable(),
  },
});

export class ApiKey extends ApiKeySchema.class {}
ApiKeySchema.setClass(ApiKey);
