/**
 * The link tables of access: groups and permissions of users and of service accounts, permissions of groups. Compares
 * the links of many owners with the wanted ones and writes the difference, with a constant number of
 * statements. Checks no rights.
 */

import { assertField } from '../../../core/parse.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
import { isCurrent } from '../../access/access.ts';

/** The ids of all wanted items, by the id of a user or a group. */
export type ItemsByOwner = ReadonlyMap<string, readonly string[]>;

/** The difference between the stored and the wanted items of one owner. */
export interface LinkDifference {
  readonly ownerId: string;
  readonly before: readonly string[];
  readonly wanted: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface LinkTable {
  readonly table: string;
  readonly ownerType: 'user' | 'group' | 'service-account';
  readonly owner: string;
  readonly item: string;
  /** Name of the input field that lists the items. */
  readonly field: string;
  /** SQL: whether a row has ended. Such rows are deleted before the comparison. */
  readonly ended?: string;
  /** SQL: the codenames that the items with the ids in `?` grant. */
  readonly codenamesSql: string;
  /** SQL: the items with the ids in `?`, locked against deletion. */
  readonly itemsSql: string;
}

const permissionCodenames = `select codename from permissions where id = any(?::uuid[])`;
const groupCodenames = `select p.codename from group_permissions gp
    join permissions p on p.id = gp.permission_id where gp.group_id = any(?::uuid[])`;
const groupItems = `select id from groups where id = any(?::uuid[]) for key share`;
const permissionItems = `select id from permissions where id = any(?::uuid[]) for key share`;

export const userGroups: LinkTable = {
  table: 'user_groups',
  ownerType: 'user',
  owner: 'user_id',
  item: 'group_id',
  field: 'groupIds',
  ended: `not ${isCurrent('user_groups')}`,
  codenamesSql: groupCodenames,
  itemsSql: groupItems,
};
export const userPermissions: LinkTable = {
  table: 'user_permissions',
  ownerType: 'user',
  owner: 'user_id',
  item: 'permission_id',
  field: 'permissionIds',
  codenamesSql: permissionCodenames,
  itemsSql: permissionItems,
};
export const groupPermissions: LinkTable = {
  table: 'group_permissions',
  ownerType: 'group',
  owner: 'group_id',
  item: 'permission_id',
  field: 'permissionIds',
  codenamesSql: permissionCodenames,
  itemsSql: permissionItems,
};

export const serviceAccountGroups: LinkTable = {
  table: 'service_account_groups',
  ownerType: 'service-account',
  owner: 'service_account_id',
  item: 'group_id',
  field: 'groupIds',
  codenamesSql: groupCodenames,
  itemsSql: groupItems,
};
export const serviceAccountPermissions: LinkTable = {
  table: 'service_account_permissions',
  ownerType: 'service-account',
  owner: 'service_account_id',
  item: 'permission_id',
  field: 'permissionIds',
  codenamesSql: permissionCodenames,
  itemsSql: permissionItems,
};

export interface Links {
  /** @param field the input field that an error names. @throws VALIDATION_FAILED for an unknown id */
  assertItemsExist(table: LinkTable, itemIds: readonly string[], field?: string): Promise<void>;
  /** The codenames that the items grant. */
  codenamesOf(table: LinkTable, itemIds: readonly string[]): Promise<string[]>;
  /** Locks the links of the owners and compares them. Owners without a difference are left out. */
  compare(table: LinkTable, wantedByOwner: ItemsByOwner): Promise<LinkDifference[]>;
  write(table: LinkTable, differences: readonly LinkDifference[]): Promise<void>;
}

export function createLinks({ query }: Pick<UnitOfWork, 'query'>): Links {
  const lockLinks = async (
    { table, owner, item, ended }: LinkTable,
    ownerIds: readonly string[],
  ) => {
    if (ended)
      await query(`delete from ${table} where ${owner} = any(?::uuid[]) and ${ended}`, [ownerIds]);
    return query<{ readonly owner: string; readonly item: string }>(
      `select ${owner} as owner, ${item} as item from ${table}
       where ${owner} = any(?::uuid[]) order by ${owner}, ${item} for update`,
      [ownerIds],
    );
  };

  return {
    async assertItemsExist({ itemsSql, field: defaultField }, itemIds, field = defaultField) {
      const found = await query(itemsSql, [itemIds]);
      assertField(field, found.length === itemIds.length, 'Names one that does not exist.');
    },

    async codenamesOf({ codenamesSql }, itemIds) {
      const rows = await query<{ codename: string }>(codenamesSql, [itemIds]);
      return rows.map(({ codename }) => codename);
    },

    async compare(table, wantedByOwner) {
      const links = await lockLinks(table, [...wantedByOwner.keys()]);
      const linksByOwner = Map.groupBy(links, ({ owner }) => owner);
      return [...wantedByOwner]
        .map(([ownerId, wanted]) =>
          differenceOf(
            ownerId,
            (linksByOwner.get(ownerId) ?? []).map(({ item }) => item),
            wanted,
          ),
        )
        .filter(({ added, removed }) => added.length > 0 || removed.length > 0);
    },

    async write({ table, owner, item }, differences) {
      await query(
        `delete from ${table} t using unnest(?::uuid[], ?::uuid[]) as removed (owner, item)
         where t.${owner} = removed.owner and t.${item} = removed.item`,
        pairsOf(differences, 'removed'),
      );
      await query(
        `insert into ${table} (${owner}, ${item})
         select owner, item from unnest(?::uuid[], ?::uuid[]) as added (owner, item)
         on conflict do nothing`,
        pairsOf(differences, 'added'),
      );
    },
  };
}

function differenceOf(
  ownerId: string,
  before: readonly string[],
  wanted: readonly string[],
): LinkDifference {
  const [beforeIds, wantedIds] = [new Set(before), new Set(wanted)];
  const added = wanted.filter((id) => !beforeIds.has(id));
  const removed = before.filter((id) => !wantedIds.has(id));
  return { ownerId, before, wanted, added, removed };
}

/** The owners and their items, as two lists of the same length. */
function pairsOf(
  differences: readonly LinkDifference[],
  name: 'added' | 'removed',
): [string[], string[]] {
  const pairs = differences.flatMap((difference) =>
    difference[name].map((itemId) => [difference.ownerId, itemId] as const),
  );
  return [pairs.map(([owner]) => owner), pairs.map(([, item]) => item)];
}
