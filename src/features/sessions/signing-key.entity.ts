/** A key pair that signs access tokens: the public half in the open, the private half sealed. */
import { defineEntity, p } from '@mikro-orm/core';
import type { PublicJwk } from '../../crypto/access-token.ts';

const SigningKeySchema = defineEntity({
  name: 'SigningKey',
  tableName: 'signing_keys',
  properties: {
    id: p.uuid().primary(),
    publicJwk: p.json().$type<PublicJwk>(),
    sealedPrivateKey: p.blob(),
    createdAt: p.datetime().length(3),
    /** It is published before, and signs from then on until a newer one does. */
    signsFrom: p.datetime().length(3),
  },
});

export class SigningKey extends SigningKeySchema.class {}
SigningKeySchema.setClass(SigningKey);
