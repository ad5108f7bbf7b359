/**
 * Looks up the ids of users, registrations, groups and permissions by name. It returns ids only, so that
 * an operation loads the row inside its own transaction.
 */

import { Problem } from '../../../core/errors.ts';
import {
  parseEmail,
  parseFields,
  parseId,
  parseLoginName,
  parseLookupName,
} from '../../../core/parse.ts';
import type { RequestContext } from '../../../core/request-context.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
import { usernameKeyOf } from '../../users/users.ts';
import { requireAdministrator } from '../policies.ts';

export interface Lookup {
  /** The id of the user with this id, address or username. @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  userId(name: unknown, context: RequestContext): Promise<string>;
  /** The id of the registration with this id, or of the only one for this address. @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  registrationId(name: unknown, context: RequestContext): Promise<string>;
  /** @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  groupId(name: unknown, context: RequestContext): Promise<string>;
  /** @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  permissionId(codename: unknown, context: RequestContext): Promise<string>;
  /** The id of each permission once. @throws FORBIDDEN, NOT_FOUND with the unknown codenames */
  permissionIds(codenames: readonly string[], context: RequestContext): Promise<string[]>;
}

const columnOf = { email: 'email', username: usernameKeyOf('username') } as const;

/** The message for an address that has a registration but no account. */
const registrationHint =
  'There is no such user, but this address has a registration: see gatehouse registrations list.';

export function createLookup({ query }: Pick<UnitOfWork, 'query'>): Lookup {
  const findId = async (path: string, sql: string, value: unknown): Promise<string> => {
    const [row] = await query<{ id: string }>(sql, [value]);
    if (!row) throw notFound(path, `There is no such ${path}.`);
    return row.id;
  };

  const registrationsOf = async (email: string): Promise<string[]> => {
    const rows = await query<{ id: string }>(
      'select id from registrations where email = ? order by created_at, id',
      [email],
    );
    return rows.map(({ id }) => id);
  };

  const isUserId = async (id: string) =>
    (await query('select 1 from users where id = ?', [id])).length > 0;

  return {
    async userId(name, context) {
      requireAdministrator(context, 'users.view_user');
      const id = parseId(name);
      if (id !== undefined && (await isUserId(id))) return id;
      const { user } = parseFields({ user: () => parseLoginName(name) });
      if (!user) throw notFound('user', 'There is no such user.');
      const value = user.value.toLowerCase();
      const [row] = await query<{ id: string }>(
        `select id from users where ${columnOf[user.kind]} = ?`,
        [value],
      );
      if (row) return row.id;
      const registrations = user.kind === 'email' ? await registrationsOf(value) : [];
      throw notFound(
        'user',
        registrations.length === 0 ? 'There is no such user.' : registrationHint,
      );
    },

    async registrationId(name, context) {
      requireAdministrator(context, 'users.view_user');
      const id = parseId(name);
      if (id !== undefined)
        return findId('registration', 'select id from registrations where id = ?', id);
      const { registration } = parseFields({ registration: () => parseEmail(name) });
      const [found, ...others] = await registrationsOf(registration);
      if (found === undefined) throw notFound('registration', 'There is no such registration.');
      if (others.length === 0) return found;
      const message = `This address has several registrations; give the id of one: ${[found, ...others].join(', ')}.`;
      throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'registration', message }] });
    },

    async groupId(name, context) {
      requireAdministrator(context, 'users.view_group');
      const { group } = parseFields({ group: () => parseLookupName(name) });
      return findId('group', 'select id from groups where name = ?', group);
    },

    async permissionId(codename, context) {
      requireAdministrator(context, 'users.view_permission');
      const { permission } = parseFields({ permission: () => parseLookupName(codename) });
      return findId('permission', 'select id from permissions where codename = ?', permission);
    },

    async permissionIds(codenames, context) {
      requireAdministrator(context, 'users.view_permission');
      const found = await query<{ id: string; codename: string }>(
        `select id, codename from permissions
         where codename = any(?::text[])`,
        [codenames],
      );
      const known = new Set(found.map(({ codename }) => codename));
      const missing = codenames.filter((codename) => !known.has(codename));
      if (missing.length > 0) throw notFound('permissions', `There is no ${missing.join(', ')}.`);
      return found.map(({ id }) => id);
    },
  };
}

function notFound(path: string, message: string): Problem {
  return new Problem('NOT_FOUND', { fields: [{ path, message }] });
}
