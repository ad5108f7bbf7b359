/**
 * Updates the accounts of people with a constant number of statements. Sessions, API keys and codes end as they do when
 * an administrator makes the same change. Nobody gets a mail.
 */
import type { UnitOfWork } from '../../../database/transaction.ts';
import type { NewEntry } from '../../audit/audit.ts';
import type { AccountValues } from './account-values.ts';
import type { AccountChange } from './compare-people.ts';
import { auditedLinks, insertLinks, OutdatedPlan } from './link-people.ts';

/** Writes the changes, and returns the entries of the audit log. Needs a transaction that has locked the accounts. */
export type UpdatePeople = (
  changes: readonly AccountChange[],
  now: Date,
) => Promise<readonly NewEntry[]>;

const usersSql = `
  update users u set username = r.username, first_name = r."firstName", last_name = r."lastName", status = r.status,
    is_staff = r."isStaff", is_superuser = r."isSuperuser", email_verified_at = r."emailVerifiedAt",
    locale = r.locale, external_id = r."externalId", metadata = r.metadata,
    pending_email = case when r."isPendingEnded" then null else u.pending_email end, updated_at = ?::timestamptz
  from json_to_recordset(?::json) as r (id uuid, username text, "firstName" text, "lastName" text, status text,
    "isStaff" boolean, "isSuperuser" boolean, "emailVerifiedAt" timestamptz, locale text, "externalId" text,
    metadata jsonb, "isPendingEnded" boolean)
  where u.id = r.id`;
const hashesSql = `
  insert into password_hashes as h (user_id, password_hash, updated_at)
  select user_id, password_hash, ?::timestamptz
  from unnest(?::uuid[], ?::text[]) as hash (user_id, password_hash)
  on conflict (user_id) do update set password_hash = excluded.password_hash, updated_at = excluded.updated_at
  where (h.user_id, h.password_hash) in (select * from unnest(?::uuid[], ?::text[]))
  returning user_id`;
const removedHashesSql = `
  delete from password_hashes
  where (user_id, password_hash) in (select * from unnest(?::uuid[], ?::text[])) returning user_id`;
const sessionsSql = `
  update sessions set ended_at = ?, end_reason = 'password-changed'
  where user_id = any(?::uuid[]) and ended_at is null returning user_id`;
const apiKeysSql = `
  update api_keys set revoked_at = ? where user_id = any(?::uuid[]) and revoked_at is null returning user_id, id`;
const codesSql = `
  update one_time_passwords set ended_at = ?
  where user_id = any(?::uuid[]) and ended_at is null and kind = any(?::text[])`;

export function createUpdatePeople({ query }: Pick<UnitOfWork, 'query'>): UpdatePeople {
  /** Writes and removes the hashes of accounts that still have the compared one. */
  const writeHashes = async (changes: readonly AccountChange[], now: Date): Promise<void> => {
    const changed = changes.filter(({ hash }) => hash !== undefined);
    const [removed, set] = [changed.filter(isRemoval), changed.filter((each) => !isRemoval(each))];
    const comparedOf = (list: readonly AccountChange[]) => [
      list.map(({ userId }) => userId),
      list.map(({ hashBefore }) => hashBefore ?? null),
    ];
    const ids = set.map(({ userId }) => userId);
    const hashes = set.map(({ hash }) => hash);
    const written = await query(hashesSql, [now, ids, hashes, ...comparedOf(set)]);
    const deleted = await query(removedHashesSql, comparedOf(removed));
    if (written.length + deleted.length < changed.length)
      throw new OutdatedPlan('a password was set in the meantime');
  };

  const replaceLinks = async (changes: readonly AccountChange[]) => {
    const withGroups = changes.filter(({ linksAfter }) => linksAfter.groups);
    await query(
      `delete from user_groups ug using groups g
       where g.id = ug.group_id and g.name <> 'Root' and ug.user_id = any(?::uuid[])`,
      [withGroups.map(({ userId }) => userId)],
    );
    const withPermissions = changes.filter(({ linksAfter }) => linksAfter.permissionIds);
    await query('delete from user_permissions where user_id = any(?::uuid[])', [
      withPermissions.map(({ userId }) => userId),
    ]);
    await insertLinks(
      query,
      new Map(changes.map(({ userId, linksAfter }) => [userId, linksAfter])),
    );
  };

  /** Sessions, API keys and codes of accounts whose password was set or removed. */
  const endCredentials = async (
    changes: readonly AccountChange[],
    now: Date,
  ): Promise<readonly NewEntry[]> => {
    const actions = new Map(
      changes.flatMap((change) =>
        change.hash === undefined ? [] : [[change.userId, passwordActionOf(change)] as const],
      ),
    );
    if (actions.size === 0) return [];
    const userIds = [...actions.keys()];
    const sessions = await query<{ user_id: string }>(sessionsSql, [now, userIds]);
    const keys = await query<{ user_id: string; id: string }>(apiKeysSql, [now, userIds]);
    await query(codesSql, [now, userIds, ['reset-password', 'invite', 'change-email']]);
    const withSessions = new Set(sessions.map(({ user_id: id }) => id));
    const keysByUser = Map.groupBy(keys, ({ user_id: id }) => id);
    return [
      ...[...actions].map(([id, action]) => entryOf(action, id, {})),
      ...[...withSessions].map((id) =>
        entryOf('sessions-ended', id, { after: { reason: 'password-changed' } }),
      ),
      ...[...keysByUser].map(([id, own]) => {
        const apiKeyIds = own.map((key) => key.id);
        return entryOf('api-keys-revoked', id, { after: { reason: actions.get(id), apiKeyIds } });
      }),
    ];
  };

  /** Triggers end the sessions and API keys of accounts that are no longer active. */
  const endCodes = async (changes: readonly AccountChange[], now: Date) => {
    const changed = changes.filter(({ before, after }) => before.status !== after.status);
    const disabled = changed.filter(({ after }) => after.status === 'DISABLED');
    const idsOf = (list: readonly AccountChange[]) => list.map(({ userId }) => userId);
    await query(codesSql, [
      now,
      idsOf(changed),
      ['verify-email', 'reset-password', 'change-email'],
    ]);
    await query(codesSql, [now, idsOf(disabled), ['invite']]);
  };

  return async (changes, now) => {
    if (changes.length === 0) return [];
    await query(usersSql, [now, JSON.stringify(changes.map(rowOf))]);
    await writeHashes(changes, now);
    await replaceLinks(changes);
    await endCodes(changes, now);
    const ended = await endCredentials(changes, now);
    return [...changes.flatMap(updateEntry), ...ended];
  };
}

function isRemoval({ hash }: AccountChange): boolean {
  return hash === null;
}

function passwordActionOf(change: AccountChange): string {
  return isRemoval(change) ? 'password-removed' : 'password-set';
}

function rowOf({ userId, before, after, hash }: AccountChange) {
  const isPendingEnded = hash !== undefined || before.status !== after.status;
  return { id: userId, ...after, isPendingEnded };
}

function entryOf(action: string, id: string, values: Pick<NewEntry, 'before' | 'after'>): NewEntry {
  return { action, target: { type: 'user', id }, ...values };
}

/** The changed values; none if only the password changes, which has an entry of its own. */
function updateEntry({
  userId,
  before,
  after,
  linksBefore,
  linksAfter,
}: AccountChange): readonly NewEntry[] {
  const names = (Object.keys(after) as (keyof AccountValues)[]).filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]), // as: its keys
  );
  const pick = (values: AccountValues) =>
    Object.fromEntries(names.map((name) => [name, values[name]]));
  const changed = {
    before: { ...pick(before), ...auditedLinks(linksBefore) },
    after: { ...pick(after), ...auditedLinks(linksAfter) },
  };
  return Object.keys(changed.after).length > 0 ? [entryOf('user-updated', userId, changed)] : [];
}
