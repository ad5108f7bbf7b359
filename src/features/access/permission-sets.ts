/** Sets of grants compared: whether somebody holds all that another grant would give. */
import type { Actor } from '../../core/actor.ts';
import { matchesGrant } from './access.ts';

/**
 * Whether the actor holds all that `grant` stands for. The `*` of a grant is a character like any
 * other here, which only a `*` of the actor's can match: a part of a pattern never covers the whole.
 */
function coversGrant(actor: Actor, grant: string): boolean {
  return actor.person.isSuperuser || [...actor.permissions].some((own) => matchesGrant(own, grant));
}

export function coversGrants(actor: Actor, grants: Iterable<string>): boolean {
  return [...grants].every((grant) => coversGrant(actor, grant));
}
