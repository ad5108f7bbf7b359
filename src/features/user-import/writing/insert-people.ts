/** Inserts the accounts of new people with a constant number of statements. No subscriber, no mail and no job. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { UnitOfWork } from '../../../database/transaction.ts';
import type { Audit, NewEntry } from '../../audit/audit.ts';
import { withOriginals } from '../validation/fields.ts';
import type { ImportedPerson } from '../validation/person.ts';
import type { AccessIds } from './access-names.ts';
import { auditedLinks, insertLinks, linksOf } from './link-people.ts';

/**
 * Inserts accounts and returns the entries of the audit log. Needs a transaction that has locked addresses and
 * usernames.
 */
export type InsertPeople = (
  people: readonly ImportedPerson[],
  access: AccessIds,
  now: Date,
) => Promise<readonly NewEntry[]>;

const usersSql = `
  insert into users (id, email, username, first_name, last_name, status, is_staff, is_superuser, email_verified_at,
    locale, external_id, metadata, created_at, updated_at, last_login_at)
  select id, email, username, "firstName", "lastName", status, "isStaff", "isSuperuser", "emailVerifiedAt",
    locale, "externalId", metadata, "createdAt", ?::timestamptz, "lastLoginAt"
  from json_to_recordset(?::json) as person (id uuid, email text, username text, "firstName" text, "lastName" text,
    status text, "isStaff" boolean, "isSuperuser" boolean, "emailVerifiedAt" timestamptz, locale text,
    "externalId" text, metadata jsonb, "createdAt" timestamptz, "lastLoginAt" timestamptz)`;
const hashesSql = `
  insert into password_hashes (user_id, password_hash, updated_at)
  select user_id, password_hash, ?::timestamptz
  from unnest(?::uuid[], ?::text[]) as hash (user_id, password_hash)`;

export function createInsertPeople(
  { query }: Pick<UnitOfWork, 'query'>,
  { sealAhead }: Pick<Audit, 'sealAhead'>,
): InsertPeople {
  return async (people, access, now) => {
    if (people.length === 0) return [];
    const rows = people.map((person) => ({
      user: userOf(person, now),
      hash: person.password?.hash,
      links: linksOf(person, access),
    }));
    const entries = rows.map(
      ({ user, links }): NewEntry => ({
        action: 'user-created',
        target: { type: 'user', id: user.id },
        after: { ...withoutTimes(user), ...auditedLinks(links) },
      }),
    );
    const inserted = query(usersSql, [now, JSON.stringify(rows.map(({ user }) => user))]);
    await Promise.all([inserted, nextTurn().then(() => sealAhead(entries))]);
    const withHash = rows.filter(({ hash }) => hash !== undefined);
    await query(hashesSql, [
      now,
      withHash.map(({ user }) => user.id),
      withHash.map(({ hash }) => hash),
    ]);
    await insertLinks(query, new Map(rows.map(({ user, links }) => [user.id, links])));
    return entries;
  };
}

function userOf(person: ImportedPerson, now: Date) {
  return {
    id: uuidv7(),
    email: person.email,
    username: person.username ?? null,
    firstName: person.firstName ?? '',
    lastName: person.lastName ?? '',
    status: person.status ?? 'ACTIVE',
    isStaff: person.isStaff ?? false,
    isSuperuser: person.isSuperuser ?? false,
    emailVerifiedAt: person.emailVerifiedAt ?? null,
    locale: person.locale ?? null,
    externalId: person.externalId ?? null,
    metadata: withOriginals(person.metadata ?? {}, person.originals),
    createdAt: person.createdAt ?? now,
    lastLoginAt: person.lastLoginAt ?? null,
  };
}

/** The values that the audit log has of a new account from any interface. */
function withoutTimes({ lastLoginAt: _login, ...user }: ReturnType<typeof userOf>) {
  return { ...user, pendingEmail: null };
}
