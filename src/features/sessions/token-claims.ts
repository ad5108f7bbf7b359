/** The claims of `ACCESS_TOKEN_CLAIMS`. Their values are those at the time of issue. */
import type { AccessTokenClaim } from '../../config/access-tokens.ts';
import { type Actor, actorIdOf, groupsOf, limitOf } from '../../core/request-context.ts';
import type { FurtherClaims } from '../../crypto/access-token-size.ts';
import { matchesGrant } from '../access/access.ts';

const hasuraClaim = 'https://hasura.io/jwt/claims';

/** The role of every person, and the role of every service account. */
const roles = { user: 'user', 'service-account': 'service-account' } as const;
/** No group gives these roles. Hasura applies no permissions to the role `admin`. */
const reservedRoles: ReadonlySet<string> = new Set(['admin', ...Object.values(roles)]);

/** In the order of `names`. A claim without a value, such as the address of a service account, is left out. */
export function claimsOf(actor: Actor, names: readonly AccessTokenClaim[]): FurtherClaims {
  return Object.assign({}, ...names.map((name) => claimsByName[name](actor)));
}

const claimsByName: Readonly<Record<AccessTokenClaim, (actor: Actor) => FurtherClaims>> = {
  // A verifier must not find its own account by an address that the user has not confirmed.
  email: (actor) =>
    actor.kind === 'user'
      ? { email: actor.user.email, email_verified: actor.user.emailVerifiedAt !== null }
      : {},
  username: (actor) =>
    actor.kind === 'user' && actor.user.username !== null ? { username: actor.user.username } : {},
  // Absent for a credential with a limit, as `groupsOf` describes: an empty list would say that there are no groups.
  groups: (actor) => (limitOf(actor) === null ? { groups: [...groupsOf(actor)] } : {}),
  permissions: (actor) => ({ permissions: permissionsOf(actor) }),
  hasura: (actor) => ({ [hasuraClaim]: hasuraClaimsOf(actor) }),
};

/**
 * The codes that the owner holds, within the limit of an API key. Of two patterns that overlap without one covering
 * the other, such as `a.*` and `*.b`, neither is listed: the list never has more than the key may do.
 */
export function permissionsOf(actor: Actor): string[] {
  const held = [...actor.permissions];
  const limit = limitOf(actor);
  if (limit === null) return held;
  const isCovered = (code: string, grants: Iterable<string>) =>
    [...grants].some((grant) => matchesGrant(grant, code));
  const codes = [
    ...held.filter((code) => isCovered(code, limit)),
    ...[...limit].filter((code) => isCovered(code, held)),
  ];
  return [...new Set(codes)].sort();
}

/** A group gives the role of its name. A credential with a limit has the default role only. */
function hasuraClaimsOf(actor: Actor): object {
  const role = roles[actor.kind];
  const ofGroups = [...groupsOf(actor)].filter((name) => !reservedRoles.has(name.toLowerCase()));
  return {
    'x-hasura-user-id': actorIdOf(actor),
    'x-hasura-default-role': role,
    'x-hasura-allowed-roles': [role, ...ofGroups],
  };
}
