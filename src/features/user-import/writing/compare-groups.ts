/** Compares the groups of a file with the groups of the same name here. It changes nothing. */
import type { UnitOfWork } from '../../../database/transaction.ts';
import type { Reason } from '../report.ts';
import type { SourceGroup } from '../source.ts';

/** The differences between the permissions of groups of the file and of existing groups with these ids. */
export type CompareGroups = (
  groups: readonly SourceGroup[],
  ids: ReadonlyMap<string, string>,
) => Promise<readonly Pick<Reason, 'reason' | 'remedy'>[]>;

interface GroupPermission {
  readonly group_id: string;
  readonly codename: string;
}

const permissionsSql = `
  select gp.group_id, p.codename from group_permissions gp join permissions p on p.id = gp.permission_id
  where gp.group_id = any(?::uuid[])`;

/** A reason lists that many permissions. */
const maxListed = 10;
const remedy = 'Change the permissions of the group here if its members need those of the file.';

export function createCompareGroups({ query }: Pick<UnitOfWork, 'query'>): CompareGroups {
  return async (groups, ids) => {
    const compared = groups.flatMap(({ name, permissions }) => {
      const id = ids.get(name);
      return id === undefined || permissions === undefined ? [] : [{ id, name, permissions }];
    });
    if (compared.length === 0) return [];
    const rows = await query<GroupPermission>(permissionsSql, [compared.map(({ id }) => id)]);
    const byGroup = Map.groupBy(rows, ({ group_id: id }) => id);
    return compared.flatMap(({ id, name, permissions }) => {
      const here = new Set(byGroup.get(id)?.map(({ codename }) => codename));
      const reason = differenceOf(new Set(permissions), here);
      if (reason === undefined) return [];
      const whole = `The group "${name}" exists and keeps its permissions, which differ. ${reason}`;
      return [{ reason: whole, remedy }];
    });
  };
}

function differenceOf(inFile: ReadonlySet<string>, here: ReadonlySet<string>): string | undefined {
  const missing = [...inFile].filter((codename) => !here.has(codename));
  const further = [...here].filter((codename) => !inFile.has(codename));
  const sentences = [
    ...(missing.length > 0 ? [`Only in the file: ${listed(missing)}.`] : []),
    ...(further.length > 0 ? [`Only here: ${listed(further)}.`] : []),
  ];
  return sentences.length > 0 ? sentences.join(' ') : undefined;
}

function listed(codenames: readonly string[]): string {
  const others = codenames.length - maxListed;
  const first = codenames.toSorted().slice(0, maxListed).join(', ');
  return others > 0 ? `${first} and ${others} more` : first;
}
