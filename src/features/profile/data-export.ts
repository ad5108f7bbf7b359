/** The export of a user's own data, as JSON. */

import { Problem } from '../../core/errors.ts';
import { type RequestContext, requireSession } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../audit/audit.ts';

/** The limit of sessions, of API keys and of mailed codes in an export: it contains the latest ones. */
export const exportedRows = 1000;

export interface DataExport {
  /**
   * The account of the caller, its access, the latest 1000 sessions, API keys and mailed codes, and their total numbers.
   * It contains no secrets and no audit entries.
   */
  exportMyData(context: RequestContext): Promise<object>;
}

export function createDataExport(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'query' | 'transaction'>;
  readonly audit: Pick<Audit, 'append'>;
}): DataExport {
  const { query, transaction } = deps.unitOfWork;
  return {
    async exportMyData(context) {
      const { id } = requireSession(context).user;
      return transaction(async () => {
        const [row] = await query<{ data: object }>(exportSql, [
          ...new Array(3).fill(exportedRows),
          id,
        ]);
        if (!row) throw new Problem('NOT_FOUND');
        await deps.audit.append({ action: 'data-exported', target: { type: 'user', id } });
        return row.data;
      });
    },
  };
}

/** Everything stored about the user, without hashes, digests and the registrations of other people. */
const exportSql = `
  select json_build_object(
    'account', to_jsonb(u),
    'hasPassword', exists (select 1 from password_hashes h where h.user_id = u.id),
    'groups', (
      select coalesce(json_agg(json_build_object('name', g.name, 'description', g.description) order by g.name), '[]')
      from user_groups ug join groups g on g.id = ug.group_id where ug.user_id = u.id
    ),
    'permissions', (
      select coalesce(json_agg(p.codename order by p.codename), '[]')
      from user_permissions up join permissions p on p.id = up.permission_id where up.user_id = u.id
    ),
    'sessionCount', (select count(*) from sessions s where s.user_id = u.id),
    'sessions', (
      select coalesce(json_agg(to_jsonb(s) - 'user_id' - 'refresh_counter' order by s.created_at), '[]')
      from (
        select * from sessions where user_id = u.id order by created_at desc, id desc limit ?
      ) s
    ),
    'apiKeyCount', (select count(*) from api_keys k where k.user_id = u.id),
    'apiKeys', (
      select coalesce(json_agg(to_jsonb(k) - 'user_id' - 'service_account_id' - 'digest' order by k.created_at, k.id), '[]')
      from (
        select * from api_keys where user_id = u.id order by created_at desc, id desc limit ?
      ) k
    ),
    'mailedCodeCount', (select count(*) from one_time_passwords o where o.user_id = u.id),
    'mailedCodes', (
      select coalesce(json_agg(json_build_object(
        'kind', o.kind, 'email', o.email, 'createdAt', o.created_at,
        'expiresAt', o.expires_at, 'endedAt', o.ended_at
      ) order by o.created_at, o.id), '[]')
      from (
        select * from one_time_passwords where user_id = u.id
        order by created_at desc, id desc limit ?
      ) o
    )
  ) as data
  from users u where u.id = ?`;
