/**
 * For other services (`gatehouse-auth/verify`): checks access tokens with the published keys, without
 * asking Gatehouse for each. Who wants revocations at once follows the feed as well.
 */
import { createRemoteJWKSet } from 'jose';
import { verifyAccessToken } from '../crypto/access-token.ts';
import { followRevocations, type RevocationFeed } from './revocation-feed.ts';

/** Why a token is not accepted: it is not good, its session was ended, or that cannot be known now. */
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
  /** PUBLIC_URL of the service, which is issuer and audience of its tokens. */
  readonly issuer: string;
  /** Where the service is reached; the issuer when left out. */
  readonly baseUrl?: string;
  /** Follows ended sessions: REVOCATION_FEED_KEY of the service, and the seconds of silence borne. */
  readonly revocations?: { readonly key: string; readonly maxSilenceSeconds?: number };
}

export interface Verifier {
  /**
   * What the token says, if it is good.
   *
   * @throws VerificationError INVALID_TOKEN: answer 401. REVOKED: answer 401. UNAVAILABLE: the keys
   *   cannot be had, or the feed is silent: answer 503.
   */
  verify(accessToken: string): Promise<VerifiedToken>;
  /** Resolves once revocations are known; at once where they are not followed. */
  ready(): Promise<void>;
  close(): void;
}

const defaultSilenceSeconds = 3;
/** The keys are asked for again so soon when a token names one that is not known: it may be new. */
const cooldownMilliseconds = 1000;

export function createVerifier(options: VerifierOptions): Verifier {
  const baseUrl = options.baseUrl ?? options.issuer;
  const keys = createRemoteJWKSet(new URL(`${baseUrl}/.well-known/jwks.json`), {
    cooldownDuration: cooldownMilliseconds,
  });
  const feed = options.revocations && followFeed(baseUrl, options.revocations);

  return {
    async verify(accessToken) {
      requireFeed(feed);
      let outage: unknown;
      const content = await verifyAccessToken(accessToken, {
        issuer: options.issuer,
        now: new Date(),
        keyOf: async (header) => {
          if (header.kid === undefined) throw new Error('the token names no key');
          return keys(header).catch((error: unknown) => {
            if (!isAboutTheToken(error)) outage = error;
            throw error;
          });
        },
      });
      if (outage !== undefined) {
        throw new VerificationError('UNAVAILABLE', 'The keys cannot be had.', { cause: outage });
      }
      if (!content) throw new VerificationError('INVALID_TOKEN', 'The token is not good.');
      requireFeed(feed);
      if (feed?.hasEnded(content.sessionId)) {
        throw new VerificationError('REVOKED', 'The session was ended.');
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

/** Fails closed: a feed that is silent may be hiding something. */
function requireFeed(feed: RevocationFeed | undefined): void {
  if (feed && !feed.isAlive()) {
    throw new VerificationError('UNAVAILABLE', 'Revocations are not known at present.');
  }
}

/** Unlike a server that cannot be reached, a key that nobody has published is the token's fault. */
function isAboutTheToken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_JWKS_NO_MATCHING_KEY' || code === 'ERR_JOSE_NOT_SUPPORTED';
}
