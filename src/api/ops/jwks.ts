/** The public signing keys, for services that verify access tokens themselves (RFC 7517). */

import type { FastifyInstance } from 'fastify';
import { publicKeysMaxAgeSeconds } from '../../features/sessions/signing-key-publication.ts';
import type { SigningKeys } from '../../features/sessions/signing-keys.ts';
import { toJsonLine } from '../http/responses.ts';
import { servePublicDocument } from '../http/security-headers.ts';

export function serveJwks(
  app: FastifyInstance,
  signingKeys: Pick<SigningKeys, 'publicJwks'>,
): void {
  servePublicDocument(app, '/.well-known/jwks.json', {
    type: 'application/jwk-set+json',
    maxAgeSeconds: publicKeysMaxAgeSeconds,
    text: () => toJsonLine({ keys: signingKeys.publicJwks() }),
  });
}
