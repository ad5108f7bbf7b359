/** Wires sessions, their tokens and the signing keys. */
import type { Config } from '../../config/config.ts';
import type { Clock } from '../../core/time.ts';
import { createRefreshTokens, type RefreshTokens } from '../../crypto/refresh-token.ts';
import type { ChangeFeed } from '../../database/change-feed.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import type { Metrics } from '../../observability/metrics.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import { withLoggedDenials } from '../audit/denials.ts';
import { type CreateSession, createCreateSession } from './create-session.ts';
import { createPresentedTokens, type PresentedTokens } from './presented-tokens.ts';
import { createPrincipals, type Principals } from './principals.ts';
import { createRefresh, type Refresh } from './refresh.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';
import { createTokenDelivery, type TokenDelivery } from './token-delivery.ts';
import { createTokens, type KeyPrincipals, type Tokens } from './tokens.ts';

export interface SessionsModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly changeFeed: ChangeFeed;
  readonly attemptLimits: AttemptLimits;
  readonly audit: Audit;
  readonly secretKey: string;
  readonly keyPrincipals: KeyPrincipals;
  readonly settings: SessionSettings;
}

export type SessionSettings = Pick<
  Config,
  | 'publicUrl'
  | 'accessTokenAlgorithm'
  | 'accessTokenAudience'
  | 'accessTokenClaims'
  | 'accessTokenTtlSeconds'
  | 'refreshTokenTtlSeconds'
  | 'refreshGraceSeconds'
  | 'sessionMaxAgeSeconds'
  | 'maxSessionsPerUser'
  | 'principalCacheSize'
>;

export interface SessionsModule {
  readonly sessions: Sessions;
  readonly createSession: CreateSession;
  readonly refresh: Refresh;
  readonly presentedTokens: PresentedTokens;
  readonly tokenDelivery: TokenDelivery;
  readonly tokens: Tokens;
  readonly signingKeys: SigningKeys;
}

export function createSessionsModule(deps: SessionsModuleDeps): SessionsModule {
  const { unitOfWork, clock, log, changeFeed, audit, secretKey } = deps;
  const { accessTokenAlgorithm: algorithm, accessTokenTtlSeconds } = deps.settings;
  const signingKeys = createSigningKeys({
    unitOfWork,
    audit,
    changeFeed,
    secretKey,
    clock,
    log,
    algorithm,
    accessTokenTtlSeconds,
  });
  const refreshTokens = createRefreshTokens(secretKey);
  const { metrics, settings } = deps;
  const size = settings.principalCacheSize;
  const principals = createPrincipals({ unitOfWork, changeFeed, clock, metrics, size });
  const tokens = createAccessTokens(deps, { signingKeys, refreshTokens, principals });
  const services = createSessionServices(deps, { refreshTokens, tokens });
  const tokenDelivery = createTokenDelivery({ ...services, refreshTokens, principals, audit });
  return { ...services, tokenDelivery, tokens, signingKeys };
}

function createAccessTokens(
  deps: SessionsModuleDeps,
  shared: {
    readonly signingKeys: SigningKeys;
    readonly refreshTokens: RefreshTokens;
    readonly principals: Principals;
  },
): Tokens {
  const { changeFeed, clock, settings } = deps;
  return createTokens({
    ...shared,
    keyPrincipals: deps.keyPrincipals,
    changeFeed,
    clock,
    issuer: settings.publicUrl,
    audience: settings.accessTokenAudience,
    claims: settings.accessTokenClaims,
    accessTokenTtlSeconds: settings.accessTokenTtlSeconds,
    cacheSize: settings.principalCacheSize,
  });
}

function createSessionServices(
  deps: SessionsModuleDeps,
  { refreshTokens, tokens }: { readonly refreshTokens: RefreshTokens; readonly tokens: Tokens },
): Pick<SessionsModule, 'sessions' | 'createSession' | 'refresh' | 'presentedTokens'> {
  const { unitOfWork, audit, clock, metrics, attemptLimits, settings } = deps;
  const { refreshTokenTtlSeconds, sessionMaxAgeSeconds } = settings;
  const sessions = createSessions({
    unitOfWork,
    refreshTokens,
    audit,
    clock,
    metrics,
    maxSessionsPerUser: settings.maxSessionsPerUser,
  });
  const createSession = createCreateSession({
    unitOfWork,
    audit,
    clock,
    metrics,
    refreshTokenTtlSeconds,
    sessionMaxAgeSeconds,
    maxSessionsPerUser: settings.maxSessionsPerUser,
  });
  const refresh = createRefresh({
    unitOfWork,
    refreshTokens,
    tokens,
    audit,
    attemptLimits,
    clock,
    metrics,
    refreshTokenTtlSeconds,
    sessionMaxAgeSeconds,
    refreshGraceSeconds: settings.refreshGraceSeconds,
  });
  const presentedTokens = createPresentedTokens({
    unitOfWork,
    refreshTokens,
    audit,
    clock,
    metrics,
    refreshGraceSeconds: settings.refreshGraceSeconds,
  });
  return {
    sessions: withLoggedDenials(audit, ['INVALID_TOKEN'], sessions),
    createSession,
    refresh: withLoggedDenials(audit, ['INVALID_TOKEN'], refresh),
    presentedTokens,
  };
}
