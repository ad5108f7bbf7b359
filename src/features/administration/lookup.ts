/**
 * Users, groups and permissions by the names that people know them by. Answers ids only, so that
 * whoever changes something loads it inside the change.
 */

import { Problem } from '../../core/errors.ts';
import {
  parseEmail,
  parseFields,
  parseId,
  parseLoginName,
  parseLookupName,
} from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { usernameKeyOf } from '../users/users.ts';
import { requireAdministrator } from './policies.ts';

export interface Lookup {
  /** Id of the user with this id, address or username. @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  userId(name: unknown, context: RequestContext): Promise<string>;
  /** Id of the registration with this id, or of the one that waits for this address. @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  registrationId(name: unknown, context: RequestContext): Promise<string>;
  /** @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  groupId(name: unknown, context: RequestContext): Promise<string>;
  /** @throws FORBIDDEN, NOT_FOUND, VALIDATION_FAILED */
  permissionId(codename: unknown, context: RequestContext): Promise<string>;
  /** Ids of them all, each once. @throws FORBIDDEN, NOT_FOUND that names those there are not */
  permissionIds(codenames: readonly string[], context: RequestContext): Promise<string[]>;
}

const columnOf = { email: 'email', username: usernameKeyOf('username') } as const;

/** An operator who looks for a person finds out why there is no account. */
const waitingHint =
  'There is no such user, but a registration of this address waits: see gatehouse registrations list.';

export function createLookup({ query }: UnitOfWork): Lookup {
  const one = async (path: string, sql: string, value: unknown): Promise<string> => {
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
      const waiting = user.kind === 'email' ? await registrationsOf(value) : [];
      throw notFound('user', waiting.length === 0 ? 'There is no such user.' : waitingHint);
    },

    async registrationId(name, context) {
      requireAdministrator(context, 'users.view_user');
      const id = parseId(name);
      if (id !== undefined)
        return one('registration', 'select id from registrations where id = ?', id);
      const { registration } = parseFields({ registration: () => parseEmail(name) });
      const [found, ...others] = await registrationsOf(registration);
      if (found === undefined) throw notFound('registration', 'There is no such registration.');
      if (others.length === 0) return found;
      const message = `Several wait for this address; name one by its id: ${[found, ...others].join(', ')}.`;
      throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'registration', message }] });
    },

    async groupId(name, context) {
      requireAdministrator(context, 'users.view_group');
      const { group } = parseFields({ group: () => parseLookupName(name) });
      return one('group', 'select id from groups where name = ?', group);
    },

    async permissionId(codename, context) {
      requireAdministrator(context, 'users.view_permission');
      const { permission } = parseFields({ permission: () => parseLookupName(codename) });
      return one('permission', 'select id from permissions where codename = ?', permission);
    },

    async permissionIds(codenames, context) {
      requireAdministrator(context, 'users.view_permission');
      const found = await query<{ id: string; codename: string }>(
        `select id, codename from permissions
         where codename in (select jsonb_array_elements_text(?::jsonb))`,
        [JSON.stringify(codenames)],
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
