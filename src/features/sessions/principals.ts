/** Who is behind a session, with all that decides what they may do: one SQL statement. */
import type { Actor, Person } from '../../core/actor.ts';
import type { Clock } from '../../core/clock.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { effectivePermissionsSql } from '../access/access.ts';

export interface Principals {
  /** The actor of a session that lives, of a user who is ACTIVE; nothing otherwise. */
  find(sessionId: string): Promise<Actor | undefined>;
}

interface PrincipalRow {
  readonly person: {
    readonly [Name in keyof Person]: Person[Name] extends Date
      ? string
      : Person[Name] extends Date | null
        ? string | null
        : Person[Name];
  };
  readonly groups: readonly string[];
  readonly permissions: readonly string[];
}

const statement = `
  select
    json_build_object(
      'id', u.id, 'email', u.email, 'username', u.username,
      'firstName', u.first_name, 'lastName', u.last_name, 'status', u.status,
      'isStaff', u.is_staff, 'isSuperuser', u.is_superuser, 'pendingEmail', u.pending_email,
      'createdAt', u.created_at, 'updatedAt', u.updated_at, 'lastLoginAt', u.last_login_at
    ) as person,
    array(
      select g.name from user_groups ug join groups g on g.id = ug.group_id
      where ug.user_id = u.id order by g.name
    ) as groups,
    ${effectivePermissionsSql} as permissions
  from sessions s join users u on u.id = s.user_id
  where s.id = ? and s.ended_at is null and s.expires_at > ? and u.status = 'ACTIVE'`;

export function createPrincipals({
  unitOfWork,
  clock,
}: {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
}): Principals {
  return {
    async find(sessionId) {
      const [row] = await unitOfWork.query<PrincipalRow>(statement, [sessionId, clock()]);
      return row && toActor(sessionId, row);
    },
  };
}

function toActor(sessionId: string, { person, groups, permissions }: PrincipalRow): Actor {
  return {
    sessionId,
    person: {
      ...person,
      createdAt: new Date(person.createdAt),
      updatedAt: new Date(person.updatedAt),
      lastLoginAt: person.lastLoginAt === null ? null : new Date(person.lastLoginAt),
    },
    groups: new Set(groups),
    permissions: new Set(permissions),
  };
}
