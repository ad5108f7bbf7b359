/**
 * The bound on the length of access tokens. A header of 8 KiB is the default of many proxies, and a token has to
 * leave room in it.
 */
import type { JWTPayload } from 'jose';
import type { AccessTokenAlgorithm } from './access-token-algorithms.ts';

/** Characters. Every issued token is at most as long. */
export const maxAccessTokenLength = 4096;

/** The claim that names the claims that were left out. */
const omittedClaim = 'omitted_claims';

/** Claims beyond those of RFC 9068, by their name in the token. */
export type FurtherClaims = Readonly<Record<string, unknown>>;

const signatureBytes = {
  ES256: 64,
  EdDSA: 64,
  RS256: 256,
} as const satisfies Record<AccessTokenAlgorithm, number>;

/**
 * The payload with those further claims that fit, tried in their order. A claim that does not fit is left out
 * whole, and `omitted_claims` names it: a shortened list of groups would look like a complete one.
 */
export function withClaimsThatFit(
  header: { readonly alg: AccessTokenAlgorithm },
  payload: JWTPayload,
  further: FurtherClaims,
): JWTPayload {
  const names = Object.keys(further);
  if (names.length === 0) return payload;
  const others =
    encodedLength(byteLength(header)) + encodedLength(signatureBytes[header.alg]) + '..'.length;
  const maxBytes = Math.floor(((maxAccessTokenLength - others) * 3) / 4);
  const reservedBytes = byteLength({ [omittedClaim]: names });
  const omitted: string[] = [];
  let result = payload;
  for (const [name, value] of Object.entries(further)) {
    const longer = { ...result, [name]: value };
    if (byteLength(longer) + reservedBytes <= maxBytes) result = longer;
    else omitted.push(name);
  }
  return omitted.length === 0 ? result : { ...result, [omittedClaim]: omitted };
}

function byteLength(value: object): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** Characters of base64url without padding. */
function encodedLength(bytes: number): number {
  return Math.ceil((bytes * 4) / 3);
}
