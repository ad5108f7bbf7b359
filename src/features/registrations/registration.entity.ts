/**
 * A request for an account that waits for its code. It is no account: it owns no address, and an
 * account takes nothing from it.
 */
import { defineEntity, p } from '@mikro-orm/core';

const RegistrationSchema = defineEntity({
  name: 'Registration',
  tableName: 'registrations',
  properties: {
    id: p.uuid().primary(),
    email: p.text(),
    passwordHash: p.text().hidden(),
    firstName: p.text(),
    lastName: p.text(),
    username: p.text().strictNullable(),
    /** BCP 47; the service's own language where it is not known. */
    locale: p.text().strictNullable(),
    /** The secret is derived from this id. It equals `id` until a new code replaces the first one. */
    codeId: p.uuid(),
    digest: p.text().unique().hidden(),
    createdAt: p.datetime().length(3),
    /** When the code stops working. */
    expiresAt: p.datetime().length(3),
    /** When the last mail with the code was queued; null until the first one is. */
    mailedAt: p.datetime().length(3).strictNullable(),
  },
});

export class Registration extends RegistrationSchema.class {}
RegistrationSchema.setClass(Registration);
