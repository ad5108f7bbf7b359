/**
 * The policies of administration: which permission an operation needs, and which rights an actor may
 * give. An actor gives only rights that the actor holds, and for no longer than the actor holds them. Changes
 * read the rights from the database, inside their transaction.
 */

import { Problem } from '../../core/errors.ts';
import {
  type Actor,
  actorIdOf,
  isUnlimitedSuperuser,
  limitOf,
  operatorId,
  type RequestContext,
  requireActor,
} from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { holdsPermission, isCurrent, matchesGrant } from '../access/access.ts';
import { createFindCredentialOwner } from '../access/credential-owner.ts';

export type AdministrativePermission =
  | `users.${'view' | 'add' | 'change' | 'delete'}_${'user' | 'group' | 'permission' | 'service_account'}`
  | 'users.erase_user'
  | 'audit.view_entry';

/**
 * Returns the caller, a superuser or a staff member with the permission. The check uses the cached
 * session principal; an operation that writes checks again with `ActorPolicies.forActor`.
 *
 * @throws UNAUTHENTICATED, FORBIDDEN
 */
export function requireAdministrator(
  context: RequestContext,
  permission: AdministrativePermission,
): Actor {
  const actor = requireActor(context);
  if (!isAdministrator(actor, permission)) throw new Problem('FORBIDDEN');
  return actor;
}

/** Whether `requireAdministrator` accepts the actor. */
export function isAdministrator(actor: Actor, permission: AdministrativePermission): boolean {
  return (
    isUnlimitedSuperuser(actor) || (mayAdminister(actor) && holdsPermission(actor, permission))
  );
}

/** Users administer as staff or as superusers. Service accounts administer by their permissions alone. */
function mayAdminister(actor: Actor): boolean {
  return actor.kind === 'service-account' || actor.user.isStaff || actor.user.isSuperuser;
}

/** A codename and the end of the grant; null for a grant without an end. */
export interface TimedGrant {
  readonly codename: string;
  readonly until: Date | null;
}

/** The rights of one administrator. */
export interface ActorRights {
  readonly actorId: string;
  readonly isSuperuser: boolean;
  /** @throws FORBIDDEN unless the actor holds each grant until its end or longer */
  assertHolds(grants: Iterable<TimedGrant>): void;
  /** @throws FORBIDDEN unless the actor may change members of groups until `until` */
  assertCanChangeMembers(until: Date | null): void;
  /** The same for members that are service accounts. Their memberships have no end. */
  assertCanChangeServiceAccountMembers(isAddition: boolean): void;
  /** @throws FORBIDDEN unless the actor is a superuser */
  assertSuperuser(): void;
  /** Only superusers change their own rights. @throws FORBIDDEN */
  assertNotSelf(userId: string): void;
  /** Staff never change a superuser. An API key never changes the account of its owner. @throws FORBIDDEN */
  assertCanManage(target: { readonly id: string; readonly isSuperuser: boolean }): void;
  /** An API key creates no key of its own owner, and none that is valid longer than itself. @throws FORBIDDEN */
  assertCanCreateKey(key: { readonly ownerId: string; readonly expiresAt: Date | null }): void;
}

export interface ActorPolicies {
  /**
   * Reads the rights of the actor and checks that they include `permission`. Needs a transaction.
   *
   * @throws FORBIDDEN, UNAUTHENTICATED when the credential has ended since the request was authenticated
   */
  forActor(actor: Actor, permission: AdministrativePermission): Promise<ActorRights>;
  /**
   * The rights of the actor for the limit of a new key of its own, without the permission of an administrator.
   * Needs a transaction.
   *
   * @throws UNAUTHENTICATED when the credential has ended since the request was authenticated
   */
  forOwner(actor: Actor): Promise<ActorRights>;
  /** The grants of an active or disabled service account, direct and through groups. They have no end. */
  grantsOfServiceAccount(id: string): Promise<TimedGrant[]>;
  /** The direct grants of a user and those of groups. The superuser flag adds none. */
  grantsOf(userId: string): Promise<TimedGrant[]>;
  /** The ends of the current memberships of a user. */
  membershipEndsOf(userId: string): Promise<(Date | null)[]>;
}

/** The grants of an owner, without the limit of a credential. A superuser has every right. */
type Held = readonly TimedGrant[] | 'everything';

interface HeldRights {
  readonly held: Held;
  readonly keyExpiresAt: Date | null;
}

/** A change of memberships needs the permission for both sides. */
const memberPermissions = [
  'users.change_user',
  'users.change_group',
] as const satisfies AdministrativePermission[];

const serviceAccountMemberPermissions = [
  'users.change_service_account',
  'users.change_group',
] as const satisfies AdministrativePermission[];

/** An end before the end of every grant: the actor needs the grant only at the time of the change. */
export const beforeEveryEnd = new Date(0);

/**
 * SQL: the grants of a user, whose id is given twice. Grants of a group have its name, and the end of the
 * membership; ended memberships are included.
 */
export const userGrantsSql = `
  select p.codename, null::text as group_name, null::timestamptz as expires_at
  from user_permissions up join permissions p on p.id = up.permission_id where up.user_id = ?
  union all
  select p.codename, g.name, ug.expires_at
  from user_groups ug
    join groups g on g.id = ug.group_id
    join group_permissions gp on gp.group_id = g.id
    join permissions p on p.id = gp.permission_id
  where ug.user_id = ?`;

/** SQL: the grants of a service account, whose id is given twice. */
const serviceAccountGrantsSql = `
  select p.codename, null::timestamptz as until
  from service_account_permissions sp join permissions p on p.id = sp.permission_id
  where sp.service_account_id = ?
  union
  select p.codename, null::timestamptz
  from service_account_groups sg
    join group_permissions gp on gp.group_id = sg.group_id
    join permissions p on p.id = gp.permission_id
  where sg.service_account_id = ?`;

const currentGrantsSql = `
  select codename, expires_at as until from (${userGrantsSql}) grants where ${isCurrent('grants')}`;

export function createActorPolicies({ query }: Pick<UnitOfWork, 'query'>): ActorPolicies {
  const findOwner = createFindCredentialOwner({ query });
  const grantsOf = (userId: string) => query<TimedGrant>(currentGrantsSql, [userId, userId]);

  const grantsOfServiceAccount = (id: string) =>
    query<TimedGrant>(serviceAccountGrantsSql, [id, id]);

  const heldBy = async (actor: Actor, { needsStaff = true } = {}): Promise<HeldRights> => {
    const id = actorIdOf(actor);
    // The operator has no account, and has the rights of a superuser.
    if (id === operatorId) return { held: 'everything', keyExpiresAt: null };
    const { isSuperuser, isStaff, keyExpiresAt } = await findOwner(actor);
    if (isSuperuser) return { held: 'everything', keyExpiresAt };
    if (actor.kind === 'service-account') {
      return { held: await grantsOfServiceAccount(id), keyExpiresAt };
    }
    return { held: isStaff || !needsStaff ? await grantsOf(id) : [], keyExpiresAt };
  };

  return {
    grantsOf,
    grantsOfServiceAccount,

    async forOwner(actor) {
      return createActorRights(actor, await heldBy(actor, { needsStaff: false }));
    },

    async forActor(actor, permission) {
      const rights = createActorRights(actor, await heldBy(actor));
      rights.assertHolds([{ codename: permission, until: beforeEveryEnd }]);
      return rights;
    },

    async membershipEndsOf(userId) {
      const rows = await query<{ until: Date | null }>(
        `select ug.expires_at as until from user_groups ug where ug.user_id = ? and ${isCurrent('ug')}`,
        [userId],
      );
      return rows.map(({ until }) => until);
    },
  };
}

export function membershipGrants(until: Date | null): TimedGrant[] {
  return memberPermissions.map((codename) => ({ codename, until }));
}

function createActorRights(actor: Actor, { held, keyExpiresAt }: HeldRights): ActorRights {
  const actorId = actorIdOf(actor);
  const limit = limitOf(actor);
  const isApiKey = actor.credential.kind === 'api-key';
  const isSuperuser = held === 'everything' && limit === null;
  const bounds = limit === null ? 'everything' : [...limit].map(withoutEnd);
  const assert = (isAllowed: boolean) => {
    if (!isAllowed) throw new Problem('FORBIDDEN');
  };
  const assertHolds: ActorRights['assertHolds'] = (grants) =>
    assert([...grants].every((grant) => isIn(held, grant) && isIn(bounds, grant)));
  return {
    actorId,
    isSuperuser,
    assertHolds,
    assertCanChangeMembers: (until) => assertHolds(membershipGrants(until)),
    assertCanChangeServiceAccountMembers: (isAddition) =>
      assertHolds(
        serviceAccountMemberPermissions.map((codename) => ({
          codename,
          until: isAddition ? null : beforeEveryEnd,
        })),
      ),
    assertSuperuser: () => assert(isSuperuser),
    assertNotSelf: (userId) => assert(isSuperuser || userId !== actorId),
    assertCanManage: ({ id, isSuperuser: isTargetSuperuser }) => {
      assert(isSuperuser || !isTargetSuperuser);
      assert(!isApiKey || id !== actorId);
    },
    assertCanCreateKey: ({ ownerId, expiresAt }) => {
      assert(!isApiKey || ownerId !== actorId);
      assert(isWithin(expiresAt, keyExpiresAt));
    },
  };
}

function withoutEnd(codename: string): TimedGrant {
  return { codename, until: null };
}

function isIn(held: Held, grant: TimedGrant): boolean {
  return held === 'everything' || held.some((own) => covers(own, grant));
}

/**
 * Whether `own` covers every permission of `grant`, until the end of `grant`. A `*` in `grant` is an
 * ordinary character here: only a `*` in `own` matches it.
 */
function covers(own: TimedGrant, grant: TimedGrant): boolean {
  return isWithin(grant.until, own.until) && matchesGrant(own.codename, grant.codename);
}

/** Whether `end` is not after `limit`; null is no end. */
function isWithin(end: Date | null, limit: Date | null): boolean {
  return limit === null || (end !== null && end <= limit);
}
