/** The rules of administration that nobody gets around, whichever door they come through. */
import { type Actor, type Context, requireActor } from '../../core/actor.ts';
import { Problem } from '../../core/errors.ts';
import { holdsPermission } from '../access/access.ts';
import { coversGrants } from '../access/permission-sets.ts';

export type AdministrativePermission =
  | `users.${'view' | 'add' | 'change' | 'delete'}_${'user' | 'group' | 'permission'}`
  | 'audit.view_entry';

/**
 * The caller, who is staff and holds the permission, or a superuser.
 *
 * @throws UNAUTHENTICATED, FORBIDDEN
 */
export function requireAdministrator(
  context: Context,
  permission: AdministrativePermission,
): Actor {
  const actor = requireActor(context);
  const { isStaff, isSuperuser } = actor.person;
  if (isSuperuser || (isStaff && holdsPermission(actor, permission))) return actor;
  throw new Problem('FORBIDDEN');
}

/** Staff never touch a superuser. @throws FORBIDDEN */
export function requireMayTouch(actor: Actor, target: { readonly isSuperuser: boolean }): void {
  if (target.isSuperuser && !actor.person.isSuperuser) throw new Problem('FORBIDDEN');
}

/** Nobody gives, or comes by, what they do not hold themselves. @throws FORBIDDEN */
export function requireHolds(actor: Actor, grants: Iterable<string>): void {
  if (!coversGrants(actor, grants)) throw new Problem('FORBIDDEN');
}
