/** Token introspection (RFC 7662) for service accounts. An invalid token gets `active: false` and no reason. */
import { Problem } from '../../core/errors.ts';
import {
  type Actor,
  actorIdOf,
  type RequestContext,
  type UserView,
} from '../../core/request-context.ts';
import { numericDate } from '../../core/time.ts';
import { claimsIn, ownClientId } from '../../crypto/access-token.ts';
import type { KeyAuthentication } from '../api-keys/key-authentication.ts';
import type { PresentedTokens } from '../sessions/presented-tokens.ts';
import { permissionsOf } from '../sessions/token-claims.ts';
import type { Tokens } from '../sessions/tokens.ts';
import type { ClientCredentials, Clients } from './clients.ts';
import { invalidRequest, OAuthError } from './oauth-errors.ts';
import { formOf, type TokenForm } from './token-form.ts';

/** RFC 7662 §2.2 */
export type TokenState =
  | { readonly active: false }
  | { readonly active: true; readonly [member: string]: unknown };

/** The caller: credentials of a client, or the actor of a bearer token. */
export interface IntrospectionCaller {
  readonly client: ClientCredentials | undefined;
  readonly context: RequestContext;
}

export interface Introspection {
  /**
   * @throws OAuthError invalid_token, invalid_request without a token; INVALID_CREDENTIALS, FORBIDDEN for a person,
   * THROTTLED
   */
  introspect(token: string | undefined, caller: IntrospectionCaller): Promise<TokenState>;
}

export interface IntrospectionDeps {
  readonly clients: Clients;
  readonly keys: Pick<KeyAuthentication, 'inspect'>;
  readonly tokens: Pick<Tokens, 'authenticate'>;
  readonly presentedTokens: Pick<PresentedTokens, 'findSession'>;
  readonly issuer: string;
}

const inactive = { active: false } as const;

export function createIntrospection(deps: IntrospectionDeps): Introspection {
  const { clients, keys, tokens, presentedTokens, issuer } = deps;

  /** Any service account may introspect: the answer describes a token that the caller already has. */
  const requireCaller = async ({ client, context }: IntrospectionCaller): Promise<void> => {
    if (context.isTokenRejected) {
      throw new OAuthError('invalid_token', 'The access token or API key is not valid.');
    }
    if (!context.actor) await clients.requireServiceAccount(client);
    else if (context.actor.kind !== 'service-account') throw new Problem('FORBIDDEN');
  };

  const ofAccessToken = async (token: string): Promise<TokenState> => {
    const actor = await tokens.authenticate(token);
    if (!actor) return inactive;
    const { iss, sub, aud, client_id = ownClientId, jti, sid, iat, exp } = claimsIn(token);
    return {
      active: true,
      ...{ iss, sub, aud, client_id, token_type: 'Bearer', jti, sid, iat, exp },
      ...ownerOf(actor),
    };
  };

  const ofRefreshToken = async (token: string): Promise<TokenState> => {
    const session = await presentedTokens.findSession(token);
    if (!session) return inactive;
    return {
      active: true,
      ...{ iss: issuer, sub: session.userId, client_id: ownClientId, token_type: 'refresh_token' },
      ...{
        sid: session.sessionId,
        iat: numericDate(session.issuedAt),
        exp: numericDate(session.expiresAt),
      },
      ...userNames(session),
    };
  };

  const ofApiKey = async (secret: string): Promise<TokenState> => {
    const key = await keys.inspect(secret);
    if (!key) return inactive;
    const { actor, createdAt, expiresAt } = key;
    const isAccount = actor.kind === 'service-account';
    return {
      active: true,
      ...{ iss: issuer, sub: actorIdOf(actor), token_type: 'Bearer', sid: actor.credential.id },
      ...(isAccount ? { client_id: actor.serviceAccount.clientId } : {}),
      iat: numericDate(createdAt),
      ...(expiresAt ? { exp: numericDate(expiresAt) } : {}),
      ...ownerOf(actor),
    };
  };

  const inspectors = {
    'access-token': ofAccessToken,
    'refresh-token': ofRefreshToken,
    'api-key': ofApiKey,
  } satisfies Record<TokenForm, (token: string) => Promise<TokenState>>;

  return {
    async introspect(token, caller) {
      await requireCaller(caller);
      if (token === undefined) throw invalidRequest('token is required.');
      return inspectors[formOf(token)](token);
    },
  };
}

/**
 * The username of a user, and the permissions that the credential has now. A service account has no `username`:
 * RFC 7662 §2.2 means a person, and the name of an account can be equal to that of one.
 */
function ownerOf(actor: Actor): object {
  const scope = permissionsOf(actor).join(' ');
  const names = actor.kind === 'user' ? userNames(actor.user) : {};
  return { ...names, ...(scope === '' ? {} : { scope }) };
}

/** The username, or else the address, and whether the user has confirmed it. */
function userNames(
  user: Pick<UserView, 'username' | 'email' | 'emailVerifiedAt'>,
): Readonly<Record<string, unknown>> {
  if (user.username !== null) return { username: user.username };
  return { username: user.email, email_verified: user.emailVerifiedAt !== null };
}
