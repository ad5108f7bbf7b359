/**
 * The refresh token between the service and the client: an argument and a field of the answer, or the session cookie in
 * cookie mode. The rules of cookie mode are the same for every operation, because they are here.
 */
import { Problem } from '../../core/errors.ts';
import type { Actor, RequestContext } from '../../core/request-context.ts';
import { actorIdOf, requireSession } from '../../core/request-context.ts';
import type { RefreshTokens } from '../../crypto/refresh-token.ts';
import { isDatabaseUnavailable } from '../../database/connection-errors.ts';
import type { Audit } from '../audit/audit.ts';
import type { User } from '../users/user.entity.ts';
import type { PresentedTokens } from './presented-tokens.ts';
import type { Principals } from './principals.ts';
import type { Refresh } from './refresh.ts';
import type { Sessions } from './sessions.ts';
import type { TokenPair } from './tokens.ts';

/** Null for a refresh token that is in the session cookie. */
export type DeliveredTokens<Pair extends TokenPair = TokenPair> = Omit<Pair, 'refreshToken'> & {
  readonly refreshToken: string | null;
};

export interface TokenDelivery {
  /**
   * In cookie mode keeps the refresh token in the cookie and leaves it out of the answer. Another session of the
   * cookie ends, because no client has its refresh token any more.
   */
  deliverTokens<Pair extends TokenPair>(
    context: RequestContext,
    pair: Pair,
  ): Promise<DeliveredTokens<Pair>>;
  /**
   * Exchanges the argument or, without one, the refresh token of the cookie. A cookie that is not valid is removed.
   *
   * @param refreshToken unparsed
   * @throws INVALID_TOKEN also for the cookie of another account than the access token; THROTTLED, VALIDATION_FAILED
   */
  refreshTokens(
    refreshToken: unknown,
    context: RequestContext,
  ): Promise<DeliveredTokens & { readonly user: User }>;
  /**
   * Ends the session of the argument or the current session. In cookie mode, the cookie is enough: it ends its session
   * and that of the access token, if any.
   *
   * @param refreshToken unparsed
   * @throws INVALID_TOKEN, UNAUTHENTICATED, VALIDATION_FAILED
   */
  logout(refreshToken: unknown, context: RequestContext): Promise<void>;
  /** The account of the cookie, for pages. Undefined without a cookie whose refresh token is valid. */
  cookieOwner(context: RequestContext): Promise<{ readonly email: string } | undefined>;
  /** Removes the cookie if its session has ended, or if it has no valid token. */
  clearIfEnded(context: RequestContext): Promise<void>;
}

export interface TokenDeliveryDeps {
  readonly refreshTokens: RefreshTokens;
  readonly presentedTokens: Pick<PresentedTokens, 'end' | 'findSession'>;
  readonly principals: Principals;
  readonly refresh: Refresh;
  readonly sessions: Pick<Sessions, 'logout'>;
  readonly audit: Pick<Audit, 'logDenial'>;
}

export function createTokenDelivery(deps: TokenDeliveryDeps): TokenDelivery {
  const { sessions } = deps;
  const sessionIdOf = (token: string | undefined) =>
    token === undefined ? undefined : deps.refreshTokens.open(token)?.sessionId;

  /** The actor of the session of a token; undefined if the session has ended, and for a forged token. */
  const ownerOf = async (token: string | undefined) => {
    const sessionId = sessionIdOf(token);
    return sessionId === undefined ? undefined : deps.principals.find(sessionId);
  };

  const deny = (event: string): never => {
    deps.audit.logDenial(event, 'INVALID_TOKEN');
    throw new Problem('INVALID_TOKEN');
  };

  /** The cookie stays, because its session is valid. */
  const assertOwn = async (token: string | undefined, actor: Actor | undefined, event: string) => {
    const owner = actor && (await ownerOf(token));
    if (!actor || !owner || owner.user.id === actorIdOf(actor)) return;
    deny(event);
  };

  const deliverTokens: TokenDelivery['deliverTokens'] = async ({ sessionCookie }, pair) => {
    if (!sessionCookie) return pair;
    const earlier = sessionIdOf(sessionCookie.refreshToken);
    sessionCookie.keep(pair.refreshToken, pair.refreshTokenExpiresAt);
    if (earlier !== undefined && earlier !== sessionIdOf(pair.refreshToken)) {
      await deps.presentedTokens.end(earlier, 'logged-out');
    }
    return { ...pair, refreshToken: null };
  };

  /** A token of the time before a restore of the database has a valid session, which stays. */
  const exchangeCookie = async (token: string | undefined, context: RequestContext) => {
    await assertOwn(token, context.actor, 'refreshTokens');
    try {
      if (token === undefined) throw new Problem('INVALID_TOKEN');
      return await deps.refresh.refreshTokens(token);
    } catch (error) {
      const isInvalid = error instanceof Problem && error.code === 'INVALID_TOKEN';
      if (isInvalid) context.sessionCookie?.clear();
      throw error;
    }
  };

  return {
    deliverTokens,
    async refreshTokens(argument, context) {
      const { sessionCookie } = context;
      if (argument === undefined || argument === null) {
        if (!sessionCookie) throw missingToken(context);
        return deliverTokens(context, await exchangeCookie(sessionCookie.refreshToken, context));
      }
      return deliverTokens(context, await deps.refresh.refreshTokens(argument));
    },

    async logout(argument, context) {
      const { actor, sessionCookie } = context;
      const token = sessionCookie?.refreshToken;
      if (!actor && !sessionCookie && context.hasIgnoredCookie) throw missingToken(context);
      if ((argument !== undefined && argument !== null) || token === undefined) {
        return sessions.logout(requireSession(context), argument);
      }
      const sessionId = sessionIdOf(token);
      if (sessionId === undefined) return deny('logout');
      await assertOwn(token, actor, 'logout');
      await deps.presentedTokens.end(sessionId, 'logged-out');
      const isOther = actor?.credential.kind === 'session' && actor.credential.id !== sessionId;
      if (isOther) await sessions.logout(requireSession(context));
    },

    async cookieOwner({ sessionCookie }) {
      const token = sessionCookie?.refreshToken;
      return token === undefined ? undefined : deps.presentedTokens.findSession(token);
    },

    async clearIfEnded({ sessionCookie }) {
      if (!sessionCookie) return;
      try {
        if (!(await ownerOf(sessionCookie.refreshToken))) sessionCookie.clear();
      } catch (error) {
        // The operation has its result already. A later refresh removes the cookie.
        if (!isDatabaseUnavailable(error)) throw error;
      }
    },
  };
}

function missingToken({ hasIgnoredCookie }: RequestContext): Problem {
  const message = hasIgnoredCookie
    ? 'Is required. To use the session cookie, send the header X-Session-Transport: cookie.'
    : 'Is required.';
  return new Problem('VALIDATION_FAILED', { fields: [{ path: 'refreshToken', message }] });
}
