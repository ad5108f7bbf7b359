/**
 * What an administrator holds and until when, as the database says inside the transaction. Every rule
 * on giving rights asks here: nobody gives what they do not hold, nor for longer than they hold it.
 */

import { Problem } from '../../core/errors.ts';
import { type Actor, type RequestContext, requireActor } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { holdsPermission, isCurrent, matchesGrant } from '../access/access.ts';
import { operatorId } from '../audit/audit.ts';

/** A code that somebody holds or is to hold, and when that ends; null where it does not end. */
export interface TimedGrant {
  readonly codename: string;
  readonly until: Date | null;
}

/** The rights of one administrator. */
export interface ActorRights {
  readonly actorId: string;
  readonly isSuperuser: boolean;
  /** @throws FORBIDDEN unless the actor holds each grant at least as long as it lasts */
  assertHolds(grants: Iterable<TimedGrant>): void;
  /** @throws FORBIDDEN unless the actor may change who is in a group until `until` */
  assertCanChangeMembers(until: Date | null): void;
  /** @throws FORBIDDEN unless the actor is a superuser */
  assertSuperuser(): void;
  /** Nobody but a superuser changes their own rights. @throws FORBIDDEN */
  assertNotSelf(userId: string): void;
  /** Staff never change a superuser. @throws FORBIDDEN */
  assertCanManage(target: { readonly isSuperuser: boolean }): void;
}

export interface ManagePolicies {
  /**
   * The rights of the actor, who still may do what `permission` names. Needs a transaction.
   *
   * @throws FORBIDDEN
   */
  forActor(actor: Actor, permission: AdministrativePermission): Promise<ActorRights>;
  /** What a user holds directly and through groups; the flag of superusers is left out. */
  grantsOf(userId: string): Promise<TimedGrant[]>;
  /** When the present memberships of a user end. */
  endsOfMemberships(userId: string): Promise<(Date | null)[]>;
}

/** Memberships are changed by those who may change both sides. */
const memberPermissions = [
  'users.change_user',
  'users.change_group',
] as const satisfies AdministrativePermission[];

/** Before every end: for what has to be held while a change is made, however long. */
export const atPresent = new Date(0);

const grantsSql = `
  select p.codename, null as until
  from user_permissions up join permissions p on p.id = up.permission_id where up.user_id = ?
  union all
  select p.codename, ug.expires_at
  from user_groups ug
    join group_permissions gp on gp.group_id = ug.group_id
    join permissions p on p.id = gp.permission_id
  where ug.user_id = ? and ${isCurrent('ug')}`;

export function createManagePolicies({ query }: Pick<UnitOfWork, 'query'>): ManagePolicies {
  const grantsOf = async (userId: string): Promise<TimedGrant[]> => {
    return query<TimedGrant>(grantsSql, [userId, userId]);
  };

  const accountOf = async (userId: string) => {
    const [row] = await query<{ is_superuser: boolean; is_staff: boolean }>(
      "select is_superuser, is_staff from users where id = ? and status = 'ACTIVE'",
      [userId],
    );
    return row;
  };

  return {
    grantsOf,

    async forActor({ person }, permission) {
      // The operator has no account and may do what a superuser may.
      if (person.id === operatorId) return rightsOf(person.id, 'everything');
      const account = await accountOf(person.id);
      if (account?.is_superuser) return rightsOf(person.id, 'everything');
      const held = account?.is_staff ? await grantsOf(person.id) : [];
      const rights = rightsOf(person.id, held);
      rights.assertHolds([{ codename: permission, until: atPresent }]);
      return rights;
    },

    async endsOfMemberships(userId) {
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

function rightsOf(actorId: string, held: readonly TimedGrant[] | 'everything'): ActorRights {
  const isSuperuser = held === 'everything';
  const require = (isAllowed: boolean) => {
    if (!isAllowed) throw new Problem('FORBIDDEN');
  };
  const assertHolds: ActorRights['assertHolds'] = (grants) =>
    require(isSuperuser || [...grants].every((grant) => held.some((own) => covers(own, grant))));
  return {
    actorId,
    isSuperuser,
    assertHolds,
    assertCanChangeMembers: (until) => assertHolds(membershipGrants(until)),
    assertSuperuser: () => require(isSuperuser),
    assertNotSelf: (userId) => require(isSuperuser || userId !== actorId),
    assertCanManage: (target) => require(isSuperuser || !target.isSuperuser),
  };
}

/**
 * Whether `own` covers all that `grant` stands for, as long as it lasts. The `*` of a grant is a
 * character like any other here, which only a `*` of `own` matches.
 */
function covers(own: TimedGrant, grant: TimedGrant): boolean {
  const lasts = own.until === null || (grant.until !== null && grant.until <= own.until);
  return lasts && matchesGrant(own.codename, grant.codename);
}

export type AdministrativePermission =
  | `users.${'view' | 'add' | 'change' | 'delete'}_${'user' | 'group' | 'permission'}`
  | 'audit.view_entry';

/**
 * The caller, who is staff and holds the permission, or a superuser, as far as this process knows.
 * What changes something asks the database again inside its transaction.
 *
 * @throws UNAUTHENTICATED, FORBIDDEN
 */
export function requireAdministrator(
  context: RequestContext,
  permission: AdministrativePermission,
): Actor {
  const actor = requireActor(context);
  const { isStaff, isSuperuser } = actor.person;
  if (isSuperuser || (isStaff && holdsPermission(actor, permission))) return actor;
  throw new Problem('FORBIDDEN');
}

/**
 * An update that changes nothing would only read: it is refused before anything is looked up.
 *
 * @throws VALIDATION_FAILED
 */
export function requireSomeField(input: object): void {
  if (Object.values(input).some((value) => value !== undefined && value !== null)) return;
  const fields = [{ path: 'input', message: 'Give at least one field.' }];
  throw new Problem('VALIDATION_FAILED', { fields });
}
