/** Compares the people of a file with their accounts, and decides what an update changes. It writes nothing. */
import { isDeepStrictEqual } from 'node:util';
import type { UnitOfWork } from '../../../database/transaction.ts';
import { rootGroupName } from '../../access/access.entities.ts';
import type { PlannedUpdate } from '../plan.ts';
import type { Reason } from '../report.ts';
import type { ImportedPerson } from '../validation/person.ts';
import type { AccessIds } from './access-names.ts';
import { type AccountValues, noteRights, valuesAfter } from './account-values.ts';
import { type Links, linksOf, OutdatedPlan } from './link-people.ts';

interface Account extends AccountValues {
  readonly id: string;
  readonly email: string;
}

/** The difference between an account and its person. */
export interface AccountChange {
  readonly userId: string;
  readonly person: ImportedPerson;
  readonly before: AccountValues;
  readonly after: AccountValues;
  /** The new hash, or null for an account that loses its password. */
  readonly hash: string | null | undefined;
  /** The stored hash that was compared. */
  readonly hashBefore: string | undefined;
  /** The lists that differ. */
  readonly linksBefore: Links;
  readonly linksAfter: Links;
}

export interface Comparison {
  readonly changes: readonly AccountChange[];
  readonly unchanged: readonly ImportedPerson[];
}

export type ComparePeople = (
  updates: readonly PlannedUpdate[],
  access: AccessIds,
  options: { readonly isLocking: boolean },
) => Promise<Comparison>;

const accountsSql = `
  select u.id, u.email, u.username, u.first_name as "firstName", u.last_name as "lastName", u.status,
    u.is_staff as "isStaff", u.is_superuser as "isSuperuser", u.email_verified_at as "emailVerifiedAt",
    u.locale, u.external_id as "externalId", u.metadata
  from users u where u.id = any(?::uuid[]) order by u.id`;
const hashesSql =
  'select user_id as id, password_hash as hash from password_hashes where user_id = any(?::uuid[])';
const groupsSql = `
  select ug.user_id, ug.group_id, ug.expires_at from user_groups ug join groups g on g.id = ug.group_id
  where ug.user_id = any(?::uuid[]) and g.name <> ? and (ug.expires_at is null or ug.expires_at > now())
  order by ug.group_id`;
const permissionsSql =
  'select user_id, permission_id from user_permissions where user_id = any(?::uuid[]) order by permission_id';

export function createComparePeople({ query }: Pick<UnitOfWork, 'query'>): ComparePeople {
  /** The memberships except Root, and the direct permissions. */
  const loadLinks = async (userIds: readonly string[]) => {
    const groups = await query<{ user_id: string; group_id: string; expires_at: Date | null }>(
      groupsSql,
      [userIds, rootGroupName],
    );
    const permissions = await query<{ user_id: string; permission_id: string }>(permissionsSql, [
      userIds,
    ]);
    const [groupsOf, permissionsOf] = [
      Map.groupBy(groups, ({ user_id: id }) => id),
      Map.groupBy(permissions, ({ user_id: id }) => id),
    ];
    return (userId: string): Required<Links> => ({
      groups: (groupsOf.get(userId) ?? []).map((row) => ({
        groupId: row.group_id,
        expiresAt: row.expires_at,
      })),
      permissionIds: (permissionsOf.get(userId) ?? []).map((row) => row.permission_id),
    });
  };

  return async (updates, access, { isLocking }) => {
    if (updates.length === 0) return { changes: [], unchanged: [] };
    const userIds = updates.map(({ userId }) => userId);
    const rows = await query<Account>(`${accountsSql}${isLocking ? ' for update' : ''}`, [userIds]);
    const accounts = new Map(rows.map((row) => [row.id, row]));
    // A statement that waits for a lock reads other tables as they were before, so these are read after it.
    const hashes = await query<{ id: string; hash: string }>(hashesSql, [userIds]);
    const hashOf = new Map(hashes.map(({ id, hash }) => [id, hash]));
    const linksBefore = await loadLinks(userIds);
    const compared = updates.map(({ userId: id, person }) => {
      const account = accounts.get(id);
      if (account?.email !== person.email)
        throw new OutdatedPlan('an account was erased or got another address in the meantime');
      const current = { ...account, hash: hashOf.get(id) };
      return compare(current, person, linksBefore(id), linksOf(person, access));
    });
    return {
      changes: compared.filter(isChange),
      unchanged: compared.filter((each) => !isChange(each)).map(({ person }) => person),
    };
  };
}

function isChange({ before, after, hash, linksAfter }: AccountChange): boolean {
  const hasLinks = linksAfter.groups !== undefined || linksAfter.permissionIds !== undefined;
  return hasLinks || hash !== undefined || !isDeepStrictEqual(before, after);
}

function compare(
  { id, email: _, hash, ...before }: Account & { readonly hash: string | undefined },
  person: ImportedPerson,
  linksBefore: Required<Links>,
  wanted: Links,
): AccountChange {
  const notes: Reason[] = [...person.notes];
  const after = valuesAfter(before, person);
  notes.push(...noteRights(before, after, person));
  const wantedHash = person.password === null ? null : person.password?.hash;
  const isOther = wantedHash !== undefined && wantedHash !== (hash ?? null);
  const isKept = isOther && isOwnHash(hash);
  if (isKept) notes.push(ownPassword);
  const newHash = isOther && !isKept ? wantedHash : undefined;
  if (newHash === null) notes.push(removedPassword);
  const links = differentLinks(linksBefore, wanted);
  return {
    userId: id,
    person: { ...person, notes },
    before,
    after,
    hash: newHash,
    hashBefore: hash,
    linksBefore: links.before,
    linksAfter: links.after,
  };
}

const ownPassword: Reason = {
  field: 'passwordHash',
  reason: 'The password was set or used here, so the account keeps it.',
  remedy: 'Send a password reset if the person does not know the password of this account.',
};

const removedPassword: Reason = {
  field: 'passwordHash',
  reason: 'The other system has no password for the account, so the imported password was removed.',
  remedy: 'Send a password reset if the person needs a password.',
};

/** A login stores a hash of this form. Imported hashes have another form until then. */
function isOwnHash(hash: string | undefined): boolean {
  return hash?.startsWith('$argon2id$') === true;
}

/** The lists that the file gives and that differ. */
function differentLinks(
  before: Required<Links>,
  wanted: Links,
): { readonly before: Links; readonly after: Links } {
  const groups = wanted.groups && sortedGroups(wanted.groups);
  const permissionIds = wanted.permissionIds?.toSorted();
  const hasGroups = groups && !isDeepStrictEqual(groups, sortedGroups(before.groups));
  const hasPermissions =
    permissionIds && !isDeepStrictEqual(permissionIds, before.permissionIds.toSorted());
  return {
    before: {
      ...(hasGroups ? { groups: before.groups } : {}),
      ...(hasPermissions ? { permissionIds: before.permissionIds } : {}),
    },
    after: {
      ...(hasGroups ? { groups } : {}),
      ...(hasPermissions ? { permissionIds } : {}),
    },
  };
}

function sortedGroups(groups: Required<Links>['groups']): Required<Links>['groups'] {
  return groups.toSorted((one, other) => (one.groupId < other.groupId ? -1 : 1));
}
