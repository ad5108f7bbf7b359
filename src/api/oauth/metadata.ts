/**
 * The metadata of the authorization server, for clients and verifiers that find the endpoints and keys from the
 * issuer (RFC 8414, OpenID Connect Discovery 1.0). PUBLIC_URL has no path, so neither have the documents.
 */

import type { FastifyInstance } from 'fastify';
import { grantTypes } from '../../features/oauth/token-grants.ts';
import { publicKeysMaxAgeSeconds } from '../../features/sessions/signing-key-publication.ts';
import type { SigningKeys } from '../../features/sessions/signing-keys.ts';
import { toJsonLine } from '../http/responses.ts';
import { servePublicDocument } from '../http/security-headers.ts';

export interface MetadataDeps {
  readonly publicUrl: string;
  readonly signingKeys: Pick<SigningKeys, 'publicJwks'>;
}

const paths = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'];

const secretMethods = ['client_secret_basic', 'client_secret_post'] as const;

/**
 * There is no authorization endpoint, so the list of response types is empty. Its name stays, because RFC 8414 §2
 * requires it. The service issues no ID tokens: verifiers read the algorithms of access tokens from that name.
 */
function metadataOf({ publicUrl: issuer, signingKeys }: MetadataDeps) {
  const algorithms = new Set(signingKeys.publicJwks().map(({ alg }) => alg));
  return {
    issuer,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    token_endpoint: `${issuer}/oauth/token`,
    introspection_endpoint: `${issuer}/oauth/introspect`,
    revocation_endpoint: `${issuer}/oauth/revoke`,
    grant_types_supported: grantTypes,
    response_types_supported: [],
    token_endpoint_auth_methods_supported: [...secretMethods, 'none'],
    introspection_endpoint_auth_methods_supported: [...secretMethods, 'Bearer'],
    revocation_endpoint_auth_methods_supported: [...secretMethods, 'none'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...algorithms],
  };
}

export function serveMetadata(app: FastifyInstance, deps: MetadataDeps): void {
  for (const path of paths) {
    servePublicDocument(app, path, {
      type: 'application/json',
      maxAgeSeconds: publicKeysMaxAgeSeconds,
      text: () => toJsonLine(metadataOf(deps)),
    });
  }
}
