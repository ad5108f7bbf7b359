/**
 * Verifier for other services (`gatehouse-auth/verify`): verifies access tokens with the published keys, without a
 * request for each token. With the revocation feed it also rejects tokens of ended sessions at once.
 */
import { createRemoteJWKSet } from 'jose';
import { verifyAccessToken } from '../crypto/access-token.ts';
import { followRevocations, type RevocationFeed } from './revocation-feed.ts';

/** The token is invalid, its session was ended, or keys or revocations are unavailable. */
export type VerificationFailure = 'INVALID_TOKEN' | 'REVOKED' | 'UNAVAILABLE';

export class VerificationError extends Error {
  readonly code: VerificationFailure;

  constructor(code: VerificationFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'VerificationError';
    this.code = code;
  }
}

export interface VerifiedToken {
  readonly userId: string;
  readonly sessionId: string;
  readonly expiresAt: Date;
}

export interface VerifierOptions {
  /** PUBLIC_URL of the service: issuer and audience of its tokens. */
  readonly issuer: string;
  /** URL of the service in the internal network; the issuer if left out. */
  readonly baseUrl?: string;
  /** Enables the revocation feed. `key` is REVOCATION_FEED_KEY; after `maxSilenceSeconds` without an event tokens are UNAVAILABLE. */
  readonly revocations?: { readonly key: string; readonly maxSilenceSeconds?: number };
}

export interface Verifier {
  /**
   * Returns the content of a valid token.
   *
   * @throws VerificationError INVALID_TOKEN: answer 401. REVOKED: answer 401. UNAVAILABLE: the keys
   *   cannot be fetched, or the feed is silent: answer 503.
   */
  verify(accessToken: string): Promise<VerifiedToken>;
  /** Resolves when revocations are known; at once without the revocation feed. */
  ready(): Promise<void>;
  close(): void;
}

const defaultSilenceSeconds = 3;
/** Minimum time between two requests for the keys; a token with an unknown key id causes one. */
const cooldownMilliseconds = 1000;

export function createVerifier(options: VerifierOptions): Verifier {
  const baseUrl = options.baseUrl ?? options.issuer;
  const keys = createRemoteJWKSet(new URL(`${baseUrl}/.well-known/jwks.json`), {
    cooldownDuration: cooldownMilliseconds,
  });
  const feed = options.revocations && followFeed(baseUrl, options.revocations);

  return {
    async verify(accessToken) {
      assertFeedIsAlive(feed);
      let outage: unknown;
      const content = await verifyAccessToken(accessToken, {
        issuer: options.issuer,
        audience: [options.issuer],
        now: new Date(),
        keyOf: async (header) => {
          if (header.kid === undefined) throw new Error('the token names no key');
          return keys(header).catch((error: unknown) => {
            if (!isTokenError(error)) outage = error;
            throw error;
          });
        },
      });
      if (outage !== undefined) {
        throw new VerificationError('UNAVAILABLE', 'The keys cannot be fetched.', {
          cause: outage,
        });
      }
      if (!content) throw new VerificationError('INVALID_TOKEN', 'The token is invalid.');
      assertFeedIsAlive(feed);
      if (feed?.hasEnded(content.sessionId)) {
        throw new VerificationError('REVOKED', 'The session has ended.');
      }
      return content;
    },
    ready: () => feed?.ready() ?? Promise.resolve(),
    close: () => feed?.close(),
  };
}

function followFeed(
  baseUrl: string,
  { key, maxSilenceSeconds = defaultSilenceSeconds }: NonNullable<VerifierOptions['revocations']>,
): RevocationFeed {
  return followRevocations({ url: `${baseUrl}/revocations`, key, maxSilenceSeconds });
}

/** Fails closed: without the feed a revocation may be missing. */
function assertFeedIsAlive(feed: RevocationFeed | undefined): void {
  if (feed && !feed.isAlive()) {
    throw new VerificationError('UNAVAILABLE', 'Revocations are unavailable.');
  }
}

/** An unknown key is an error of the token, an unreachable server is not. */
function isTokenError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_JWKS_NO_MATCHING_KEY' || code === 'ERR_JOSE_NOT_SUPPORTED';
}
