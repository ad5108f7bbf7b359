/** Why somebody may do something, or may not. */
import type { Context } from '../../core/actor.ts';
import { Problem } from '../../core/errors.ts';
import { parseFields, parseId, parseLookupName } from '../../core/parse.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { matchesGrant } from '../access/access.ts';
import { requireAdministrator } from './rules.ts';

export type PathKind = 'SUPERUSER' | 'DIRECT' | 'GROUP';

/** One way by which a permission is held. */
export interface PermissionPath {
  readonly kind: PathKind;
  /** The grant that covers it, maybe by a `*`; none for superusers. */
  readonly grant: string | null;
  /** Name of the group that gives it. */
  readonly group: string | null;
}

export interface Explanation {
  readonly isAllowed: boolean;
  readonly paths: readonly PermissionPath[];
}

export interface Explanations {
  /** @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  explainPermission(userId: unknown, permission: unknown, context: Context): Promise<Explanation>;
}

const grantsSql = `
  select null as "group", p.codename as grant
  from user_permissions up join permissions p on p.id = up.permission_id where up.user_id = ?
  union all
  select g.name, p.codename
  from user_groups ug
    join groups g on g.id = ug.group_id
    join group_permissions gp on gp.group_id = g.id
    join permissions p on p.id = gp.permission_id
  where ug.user_id = ? and (ug.expires_at is null or ug.expires_at > now())
  order by 1 nulls first, 2`;

export function createExplanations({ query }: UnitOfWork): Explanations {
  return {
    async explainPermission(rawId, rawPermission, context) {
      requireAdministrator(context, 'users.view_user');
      const { permission } = parseFields({ permission: () => parseLookupName(rawPermission) });
      const id = parseId(rawId);
      const [user] =
        id === undefined
          ? []
          : await query<{ is_superuser: boolean }>('select is_superuser from users where id = ?', [
              id,
            ]);
      if (!user) throw new Problem('NOT_FOUND');
      const held = await query<{ group: string | null; grant: string }>(grantsSql, [id, id]);
      const paths: PermissionPath[] = held
        .filter(({ grant }) => matchesGrant(grant, permission))
        .map(({ group, grant }) => ({ kind: group === null ? 'DIRECT' : 'GROUP', grant, group }));
      if (user.is_superuser) paths.unshift({ kind: 'SUPERUSER', grant: null, group: null });
      return { isAllowed: paths.length > 0, paths };
    },
  };
}
