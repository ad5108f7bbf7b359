/** A key pair for access tokens: the public key, and the private key sealed with SECRET_KEY. */
import { defineEntity, p } from '@mikro-orm/core';
import type { PublicJwk } from '../../crypto/access-token-keys.ts';

const SigningKeySchema = defineEntity({
  name: 'SigningKey',
  tableName: 'signing_keys',
  properties: {
    id: p.uuid().primary(),
    publicJwk: p.json().$type<PublicJwk>(),
    sealedPrivateKey: p.blob(),
    createdAt: p.datetime().length(3),
    /** The key is published before this time, and signs from then until a newer key does. */
    signsFrom: p.datetime().length(3),
  },
});

export class SigningKey extends SigningKeySchema.class {}
SigningKeySchema.setClass(SigningKey);
