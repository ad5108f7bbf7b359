/** Reads users, registrations, groups and permissions, one at a time or as pages of a list. */

import {
  optional,
  parseBoolean,
  parseExternalId,
  parseFields,
  parseId,
  parseLookupName,
  parseSearch,
  rejectValue,
} from '../../../core/parse.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import { type Connection, connect } from '../../../database/pagination/connection.ts';
import type { PageInput, PageOrder, PageSource } from '../../../database/pagination/paginate.ts';
import { toSearchPattern } from '../../../database/pagination/search-pattern.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
import { Group, Permission } from '../../access/access.entities.ts';
import { holderIdsSql, holdersSql, isCurrent } from '../../access/access.ts';
import { Registration } from '../../registrations/registration.entity.ts';
import { User } from '../../users/user.entity.ts';
import { requireAdministrator } from '../policies.ts';

/** Unparsed input. */
export interface UserFilter {
  readonly search?: unknown;
  readonly status?: unknown;
  readonly isStaff?: unknown;
  readonly isSuperuser?: unknown;
  readonly groupId?: unknown;
  /** Exact. */
  readonly externalId?: unknown;
}

/** Unparsed input. */
export interface UserOrder {
  readonly field?: unknown;
  readonly direction?: unknown;
}

export interface Directory {
  /** @throws FORBIDDEN */
  user(id: unknown, context: RequestContext): Promise<User | null>;
  /** @throws FORBIDDEN, VALIDATION_FAILED */
  users(
    list: { page: PageInput; filter: UserFilter; orderBy: UserOrder },
    context: RequestContext,
  ): Promise<Connection<User>>;
  /** The users with a permission: superusers, direct grants and grants of groups. @throws FORBIDDEN, VALIDATION_FAILED */
  usersWithPermission(
    permission: unknown,
    page: PageInput,
    context: RequestContext,
  ): Promise<Connection<User>>;
  /** @throws FORBIDDEN */
  registration(id: unknown, context: RequestContext): Promise<Registration | null>;
  /** Newest first. @throws FORBIDDEN, VALIDATION_FAILED */
  registrations(page: PageInput, context: RequestContext): Promise<Connection<Registration>>;
  /** @throws FORBIDDEN */
  group(id: unknown, context: RequestContext): Promise<Group | null>;
  /** @throws FORBIDDEN, VALIDATION_FAILED */
  groups(page: PageInput, context: RequestContext): Promise<Connection<Group>>;
  /** @throws FORBIDDEN */
  permission(id: unknown, context: RequestContext): Promise<Permission | null>;
  /** @throws FORBIDDEN, VALIDATION_FAILED */
  permissions(page: PageInput, context: RequestContext): Promise<Connection<Permission>>;
}

/** From this number of holders on, a page is a scan of all users. */
const manyHolders = 5_000;

const userOrders = {
  CREATED_AT: { column: 'created_at', cast: 'timestamptz' },
  UPDATED_AT: { column: 'updated_at', cast: 'timestamptz' },
  EMAIL: { column: 'email', cast: 'text' },
} as const satisfies Record<string, Omit<PageOrder, 'isDescending'>>;

const byName: PageOrder = { column: 'name', cast: 'text', isDescending: false };
const byCodename: PageOrder = { column: 'codename', cast: 'text', isDescending: false };
const newestFirst: PageOrder = { ...userOrders.CREATED_AT, isDescending: true };

const allOf = (table: string): PageSource => ({
  from: `${table} t`,
  conditions: [],
  parameters: [],
});

export function createDirectory({ em, query }: Pick<UnitOfWork, 'em' | 'query'>): Directory {
  const loadUsers = (ids: string[]) => em.find(User, { id: ids });

  return {
    async user(rawId, context) {
      requireAdministrator(context, 'users.view_user');
      const id = parseId(rawId);
      return id === undefined ? null : em.findOne(User, { id });
    },
    async users({ page, filter, orderBy }, context) {
      requireAdministrator(context, 'users.view_user');
      return connect(query, await usersSource(filter, query), {
        order: parseOrder(orderBy),
        page,
        load: loadUsers,
      });
    },
    async usersWithPermission(rawPermission, page, context) {
      requireAdministrator(context, 'users.view_user');
      const { permission } = parseFields({ permission: () => parseLookupName(rawPermission) });
      return connect(query, await holdersSource(permission, query), {
        order: newestFirst,
        page,
        load: loadUsers,
      });
    },
    async registration(rawId, context) {
      requireAdministrator(context, 'users.view_user');
      const id = parseId(rawId);
      return id === undefined ? null : em.findOne(Registration, { id });
    },
    async registrations(page, context) {
      requireAdministrator(context, 'users.view_user');
      const load = (ids: string[]) => em.find(Registration, { id: ids });
      return connect(query, allOf('registrations'), { order: newestFirst, page, load });
    },
    async group(rawId, context) {
      requireAdministrator(context, 'users.view_group');
      const id = parseId(rawId);
      return id === undefined ? null : em.findOne(Group, { id });
    },
    async groups(page, context) {
      requireAdministrator(context, 'users.view_group');
      const load = (ids: string[]) => em.find(Group, { id: ids });
      return connect(query, allOf('groups'), { order: byName, page, load });
    },
    async permission(rawId, context) {
      requireAdministrator(context, 'users.view_permission');
      const id = parseId(rawId);
      return id === undefined ? null : em.findOne(Permission, { id });
    },
    async permissions(page, context) {
      requireAdministrator(context, 'users.view_permission');
      const load = (ids: string[]) => em.find(Permission, { id: ids });
      return connect(query, allOf('permissions'), { order: byCodename, page, load });
    },
  };
}

function parseOrder({ field, direction }: UserOrder): PageOrder {
  const { orderBy } = parseFields({
    orderBy: () => {
      if (field === undefined || field === null) return newestFirst;
      const known = Object.entries(userOrders).find(([name]) => name === field)?.[1];
      return known
        ? { ...known, isDescending: direction === 'DESC' }
        : rejectValue('Is not an order of users.');
    },
  });
  return orderBy;
}

async function usersSource(filter: UserFilter, query: UnitOfWork['query']): Promise<PageSource> {
  const parsed = parseFields({
    search: () => optional(filter.search, parseSearch),
    status: () => optional(filter.status, parseStatus),
    isStaff: () => optional(filter.isStaff, parseBoolean),
    isSuperuser: () => optional(filter.isSuperuser, parseBoolean),
    groupId: () => optional(filter.groupId, (raw) => parseId(raw) ?? rejectValue('Must be an id.')),
    externalId: () => optional(filter.externalId, parseExternalId),
  });
  const conditions: string[] = [];
  const parameters: unknown[] = [];
  const add = (condition: string, ...values: unknown[]) => {
    if (values.includes(undefined)) return;
    conditions.push(condition);
    parameters.push(...values);
  };
  const search =
    parsed.search === undefined ? undefined : await searchPatternOf(parsed.search, query);
  add('t.search_text like ? and strpos(t.search_text, ?) > 0', search?.pattern, search?.text);
  add('t.external_id = ?', parsed.externalId);
  add('t.status = ?', parsed.status);
  add('t.is_staff = ?', parsed.isStaff);
  add('t.is_superuser = ?', parsed.isSuperuser);
  add(
    `exists (select 1 from user_groups ug where ug.user_id = t.id and ug.group_id = ?
      and ${isCurrent('ug')})`,
    parsed.groupId,
  );
  return { from: 'users t', conditions, parameters };
}

/**
 * A few holders are selected by their ids: a scan in the order of the page would read every user. With
 * many holders, a scan soon finds enough for a page.
 */
async function holdersSource(permission: string, query: UnitOfWork['query']): Promise<PageSource> {
  const parameters = [permission, permission];
  const holders = await query<{ id: string }>(
    `select id from (${holderIdsSql}) holders limit ${manyHolders}`,
    parameters,
  );
  if (holders.length === manyHolders) {
    return { from: 'users t', conditions: [holdersSql('t')], parameters };
  }
  const ids = holders.map(({ id }) => id);
  // OFFSET stops the planner from a scan of all users in the order of the page.
  const from = `(
    select u.id, u.created_at from users u where u.id = any(?::uuid[]) offset 0
  ) t`;
  return { from, conditions: [], parameters: [ids] };
}

/** The database folds the text, as it folds the column: two implementations of Unicode would disagree. */
async function searchPatternOf(search: string, query: UnitOfWork['query']) {
  const [row] = await query<{ text: string }>('select fold_search(?) as text', [search]);
  return row && toSearchPattern(row.text);
}

function parseStatus(raw: unknown): string {
  return raw === 'PENDING' || raw === 'ACTIVE' || raw === 'DISABLED'
    ? raw
    : rejectValue('Must be PENDING, ACTIVE or DISABLED.');
}
