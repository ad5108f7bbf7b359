/** Who may call an administrative operation. Which rights may be given is decided in rights.ts. */
import { type Actor, type Context, requireActor } from '../../core/actor.ts';
import { Problem } from '../../core/errors.ts';
import { holdsPermission } from '../access/access.ts';

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
  context: Context,
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
