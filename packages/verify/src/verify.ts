/**
 * Verifier for other services (`@gatehouse-auth/verify`): verifies access tokens with the published keys, without a
 * request for each token. With the revocation stream it also rejects tokens of ended sessions at once.
 */
import { createRemoteJWKSet, customFetch, type FetchImplementation } from 'jose';
import { checkAccessToken, issuedAt, type VerifiedToken } from './access-token.ts';
import { createReasonLog, describeError, type ReasonLog, type VerifierLog } from './reason-log.ts';
import { followRevocations, type RevocationStream } from './revocation-stream.ts';

export type { VerifiedToken } from './access-token.ts';
export type { VerifierLog } from './reason-log.ts';

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

export interface VerifierOptions {
  /** PUBLIC_URL of Gatehouse: the issuer of its tokens. */
  readonly issuer: string;
  /** ACCESS_TOKEN_AUDIENCE of Gatehouse; the issuer if left out. One of several is enough. */
  readonly audience?: string | readonly string[];
  /** URL of Gatehouse in the internal network; the issuer if left out. */
  readonly baseUrl?: string;
  /** Enables the revocation stream. `key` is REVOCATION_FEED_KEY; after `maxSilenceSeconds` (3) without an event tokens are UNAVAILABLE. */
  readonly revocations?: { readonly key: string; readonly maxSilenceSeconds?: number };
  /** Gets the reason when tokens are UNAVAILABLE; `console` if left out. */
  readonly log?: VerifierLog;
}

export interface Verifier {
  /**
   * Returns the claims of a valid token.
   *
   * @throws VerificationError INVALID_TOKEN: answer 401. REVOKED: answer 401. UNAVAILABLE: the keys
   *   cannot be fetched, the stream is silent, or the clock of this machine is wrong: answer 503.
   */
  verify(accessToken: string): Promise<VerifiedToken>;
  /** Resolves when revocations are known; at once without the revocation stream. */
  ready(): Promise<void>;
  close(): void;
}

const defaultSilenceSeconds = 3;
/** Minimum time between two requests for the keys; a token with an unknown key id causes one. */
const cooldownMilliseconds = 1000;
/** A clock that is wrong by more than this is reported. */
const clockToleranceMilliseconds = 60_000;

export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, revocations } = options;
  if (!issuer) throw new TypeError('createVerifier needs `issuer`: PUBLIC_URL of Gatehouse.');
  const baseUrl = (options.baseUrl ?? issuer).replace(/\/+$/, '');
  const audience = options.audience ?? issuer;
  const reasons = createReasonLog(options.log ?? console);
  const keys = createRemoteJWKSet(new URL(`${baseUrl}/.well-known/jwks.json`), {
    cooldownDuration: cooldownMilliseconds,
    [customFetch]: async (url, request) => {
      const response = await fetchKeys(url, request);
      compareClocks(response, reasons);
      return response;
    },
  });
  const stream = revocations && openStream(`${baseUrl}/revocations`, revocations, reasons);

  return {
    async verify(accessToken) {
      assertIsAlive(stream, reasons);
      let outage: unknown;
      let mismatch: string | undefined;
      const token = await checkAccessToken(accessToken, {
        issuer,
        audience: typeof audience === 'string' ? audience : [...audience],
        onMismatch: (claim, value) => {
          mismatch = describeMismatch(value, claim === 'iss' ? issuer : audience);
          reasons.report(claim, mismatch);
        },
        keyOf: async (header) => {
          if (header.kid === undefined) throw new Error('the token names no key');
          return keys(header).catch((error: unknown) => {
            if (!isTokenError(error)) outage = error;
            throw error;
          });
        },
      });
      if (outage !== undefined) throw keysUnavailable(outage, reasons);
      if (!token) throw invalidToken(mismatch);
      for (const subject of ['keys', 'iss', 'aud'] as const) reasons.resolve(subject);
      assertClockIsRight(token, reasons);
      assertIsAlive(stream, reasons);
      if (stream?.hasEnded(token.sessionId)) {
        throw new VerificationError('REVOKED', 'The session has ended.');
      }
      return token;
    },
    ready: () => stream?.ready() ?? Promise.resolve(),
    close: () => stream?.close(),
  };
}

function describeMismatch(value: unknown, expected: string | readonly string[]): string {
  return `the token has ${JSON.stringify(value)}, the setting is ${JSON.stringify(expected)}`;
}

function invalidToken(mismatch: string | undefined): VerificationError {
  const cause = mismatch === undefined ? undefined : new Error(mismatch);
  return new VerificationError('INVALID_TOKEN', 'The token is invalid.', { cause });
}

/** Names the URL and the status in the error, which the caller of Gatehouse needs to find the cause. */
const fetchKeys: FetchImplementation = async (url, options) => {
  const response = await fetch(url, options).catch((cause: unknown) => {
    throw new Error(`${url} cannot be read: ${describeError(cause)}`, { cause });
  });
  if (response.status !== 200) throw new Error(`${url} answers ${response.status}`);
  return response;
};

function openStream(
  url: string,
  { key, maxSilenceSeconds = defaultSilenceSeconds }: NonNullable<VerifierOptions['revocations']>,
  reasons: ReasonLog,
): RevocationStream {
  const stream = followRevocations({
    url,
    key,
    maxSilenceSeconds,
    onLost: () => reportLoss(stream, reasons),
    onReady: () => reasons.resolve('revocations'),
    onResponse: (response) => compareClocks(response, reasons),
  });
  return stream;
}

/** Not while tokens are still accepted: a restart of Gatehouse interrupts the stream for a moment. */
function reportLoss(stream: RevocationStream, reasons: ReasonLog): void {
  const reason = stream.lossReason();
  if (reason !== undefined && !stream.isAlive()) reasons.report('revocations', reason);
}

function keysUnavailable(cause: unknown, reasons: ReasonLog): VerificationError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  reasons.report('keys', reason);
  return new VerificationError('UNAVAILABLE', `The keys cannot be fetched: ${reason}.`, { cause });
}

/** Fails closed: without the stream a revocation may be missing. */
function assertIsAlive(stream: RevocationStream | undefined, reasons: ReasonLog): void {
  if (!stream || stream.isAlive()) return;
  reportLoss(stream, reasons);
  const reason = stream.lossReason() ?? 'the stream is not ready yet';
  throw new VerificationError('UNAVAILABLE', `Revocations are unavailable: ${reason}.`);
}

/** Fails closed: a token that was issued in the future shows that expired tokens would be accepted. */
function assertClockIsRight(token: VerifiedToken, reasons: ReasonLog): void {
  if (issuedAt(token) <= Date.now() + clockToleranceMilliseconds) {
    reasons.resolve('clock behind');
    return;
  }
  const reason = 'it is more than a minute behind the clock of Gatehouse';
  reasons.report('clock behind', reason);
  throw new VerificationError('UNAVAILABLE', `The clock of this machine is wrong: ${reason}.`);
}

/** Only logs: the tokens of a clock that is ahead are refused as expired. Caches may send an old date. */
function compareClocks({ headers }: Response, reasons: ReasonLog): void {
  const serverTime = Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(serverTime) || headers.has('age')) return; // the browser hides it, or a cache sent it
  if (Date.now() - serverTime > clockToleranceMilliseconds)
    reasons.report('clock ahead', 'it is more than a minute ahead of the clock of Gatehouse');
  else reasons.resolve('clock ahead');
}

/** An unknown key is an error of the token, an unreachable server is not. */
function isTokenError(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ERR_JWKS_NO_MATCHING_KEY' || code === 'ERR_JOSE_NOT_SUPPORTED';
}
