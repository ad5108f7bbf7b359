/** Reads permissions and groups as a manifest that `apply` accepts in another database. */
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { rootGroupName } from '../access/access.entities.ts';
import { requireAdministrator } from '../administration/policies.ts';

/** Maps, because a name can be `__proto__`. */
export interface ExportedAccess {
  /** The name of each permission by its codename, without the built-in ones. */
  readonly permissions: ReadonlyMap<string, string>;
  /** Without the group of superusers. */
  readonly groups: ReadonlyMap<
    string,
    { readonly description: string; readonly permissions: readonly string[] }
  >;
}

/** @throws FORBIDDEN */
export type ExportAccess = (context: RequestContext) => Promise<ExportedAccess>;

interface GroupRow {
  readonly name: string;
  readonly description: string;
  readonly permissions: readonly string[];
}

export function createExportAccess({ query }: Pick<UnitOfWork, 'query'>): ExportAccess {
  return async (context) => {
    requireAdministrator(context, 'users.view_permission');
    requireAdministrator(context, 'users.view_group');
    const permissions = await query<{ codename: string; name: string }>(
      'select codename, name from permissions where not is_built_in order by codename',
    );
    const groups = await query<GroupRow>(
      `select g.name, g.description, array(
         select p.codename from group_permissions gp join permissions p on p.id = gp.permission_id
         where gp.group_id = g.id order by p.codename) as permissions
       from groups g where g.name <> ? order by g.name`,
      [rootGroupName],
    );
    return {
      permissions: new Map(permissions.map(({ codename, name }) => [codename, name])),
      groups: new Map(groups.map(({ name, ...group }) => [name, group])),
    };
  };
}
