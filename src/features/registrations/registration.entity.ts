/**
 * A registration that is not confirmed yet. It does not own its address. The password hash and the
 * username are read by SQL only.
 */
import { defineEntity, p } from '@mikro-orm/core';

const RegistrationSchema = defineEntity({
  name: 'Registration',
  tableName: 'registrations',
  properties: {
    id: p.uuid().primary(),
    email: p.text(),
    firstName: p.text(),
    lastName: p.text(),
    /** BCP 47; null stands for the default language. */
    locale: p.text().strictNullable(),
    /** The code is derived from this id. It equals `id` until a new code replaces the first one. */
    codeId: p.uuid(),
    digest: p.text(),
    /** Wrong attempts with the short code of the address. */
    failedShortCodes: p.smallint().default(0),
    createdAt: p.datetime().length(3),
    /** When the code expires. */
    expiresAt: p.datetime().length(3),
    /** When the last mail with the code was queued; null until the first one is. */
    mailedAt: p.datetime().length(3).strictNullable(),
  },
});

export class Registration extends RegistrationSchema.class {}
RegistrationSchema.setClass(Registration);
