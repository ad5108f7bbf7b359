/** Replaces the ids of audit entries with names, and looks up the id of a target by its name. */

import { Problem } from '../../core/errors.ts';
import { parseId } from '../../core/parse.ts';
import type { RequestContext } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Lookup } from '../administration/directory/lookup.ts';
import { requireAdministrator } from '../administration/policies.ts';
import type { AuditEntry } from './entries.ts';

export interface NamedAuditEntry extends AuditEntry {
  /** The address of the user or the name of the service account; null for other and for deleted actors. */
  readonly actorName: string | null;
  /** The address, name or codename of the target; for a session the address of its user. */
  readonly targetName: string | null;
}

export interface AuditNames {
  /** @throws FORBIDDEN */
  withNames(entries: readonly AuditEntry[], context: RequestContext): Promise<NamedAuditEntry[]>;
  /** The id of the user, group or permission with this name. An id is returned unchanged. @throws FORBIDDEN, NOT_FOUND */
  targetId(name: string, context: RequestContext): Promise<string>;
}

const namesSql = `
  with wanted as (select unnest(?::uuid[]) as id)
  select id, email as name from users where id in (select id from wanted)
  union all select id, name from groups where id in (select id from wanted)
  union all select id, codename from permissions where id in (select id from wanted)
  union all select s.id, u.email from sessions s join users u on u.id = s.user_id
    where s.id in (select id from wanted)
  union all select id, name from service_accounts where id in (select id from wanted)
  union all select id, name from api_keys where id in (select id from wanted)`;

export function createAuditNames(deps: {
  readonly query: UnitOfWork['query'];
  readonly lookup: Lookup;
}): AuditNames {
  const { userId, groupId, permissionId } = deps.lookup;
  return {
    async withNames(entries, context) {
      requireAdministrator(context, 'users.view_user');
      const ids = entries.flatMap(({ actorId, targetId }) => [actorId, targetId]);
      const wanted = [...new Set(ids.filter((id) => id !== null))];
      const rows = await deps.query<{ id: string; name: string }>(namesSql, [wanted]);
      const names = new Map(rows.map(({ id, name }) => [id, name]));
      return entries.map((entry) => ({
        ...entry,
        actorName: names.get(entry.actorId ?? '') ?? null,
        targetName: names.get(entry.targetId ?? '') ?? null,
      }));
    },

    async targetId(name, context) {
      const id = parseId(name);
      if (id !== undefined) return id;
      for (const find of [userId, groupId, permissionId]) {
        const found = await find(name, context).catch(undefinedIfNotFound);
        if (found !== undefined) return found;
      }
      const message = 'There is no user, group or permission of that name.';
      throw new Problem('NOT_FOUND', { fields: [{ path: 'target', message }] });
    },
  };
}

function undefinedIfNotFound(error: unknown): undefined {
  if (!(error instanceof Problem && error.code === 'NOT_FOUND')) throw error;
}
