/** The signature algorithms of access tokens (RFC 7518 §3.1, RFC 8037 §3.1). The first one is the default. */
export const accessTokenAlgorithms = ['ES256', 'EdDSA', 'RS256'] as const;
export type AccessTokenAlgorithm = (typeof accessTokenAlgorithms)[number];
