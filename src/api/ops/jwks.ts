/** The public signing keys, for services that verify access tokens themselves (RFC 7517). */

import type { FastifyInstance } from 'fastify';
import { publicKeysMaxAgeSeconds } from '../../features/sessions/signing-key-publication.ts';
import type { SigningKeys } from '../../features/sessions/signing-keys.ts';
import { toJsonLine } from '../http/responses.ts';

export function serveJwks(
  app: FastifyInstance,
  signingKeys: Pick<SigningKeys, 'publicJwks'>,
): void {
  app.get('/.well-known/jwks.json', (_request, reply) =>
    reply
      .type('application/jwk-set+json; charset=utf-8')
      .header('cache-control', `public, max-age=${publicKeysMaxAgeSeconds}`)
      .send(toJsonLine({ keys: signingKeys.publicJwks() })),
  );
}
