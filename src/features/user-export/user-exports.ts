/**
 * Reads all accounts for an export, in pages by id, so that an export of any size needs the memory of one page. Each
 * page is one statement: a reader that waits holds no connection and no snapshot.
 */
import { Problem } from '../../core/errors.ts';
import {
  actorIdOf,
  operatorId,
  type RequestContext,
  requireActor,
} from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { rootGroupName } from '../access/access.entities.ts';
import { isCurrent } from '../access/access.ts';
import type { Audit } from '../audit/audit.ts';
import type { ExportedUser } from './exported-user.ts';

export interface UserExportRequest {
  /** For the audit log. */
  readonly format: string;
  readonly withPasswordHashes: boolean;
}

export interface UserExports {
  /**
   * All accounts in pages. Accounts that change during the export have their old or their new state. The audit log
   * gets an entry before the first page, and one with the number of accounts at the end, also when the caller stops.
   *
   * @throws FORBIDDEN for other actors than the operator
   */
  exportUsers(
    request: UserExportRequest,
    context: RequestContext,
  ): AsyncGenerator<readonly ExportedUser[]>;
  /** @throws FORBIDDEN for other actors than the operator */
  countUsers(context: RequestContext): Promise<number>;
}

/** Accounts. Each can have 16 KiB of metadata, and some pages are in memory at once. */
const pageSize = 250;
/** Before every id. */
const firstId = '00000000-0000-0000-0000-000000000000';

const pageSql = (withPasswordHashes: boolean) => `
  select u.id, u.external_id as "externalId", u.email, u.username,
    u.first_name as "firstName", u.last_name as "lastName", u.status,
    u.email_verified_at as "emailVerifiedAt", u.is_staff as "isStaff",
    u.is_superuser as "isSuperuser",
    ${
      withPasswordHashes
        ? `(select h.password_hash from password_hashes h where h.user_id = u.id) as "passwordHash",`
        : ''
    }
    u.locale, u.metadata, u.created_at as "createdAt", u.last_login_at as "lastLoginAt",
    array(
      select g.name from user_groups ug join groups g on g.id = ug.group_id
      where ug.user_id = u.id and ug.expires_at is null and g.name <> '${rootGroupName}'
      order by g.name
    ) as "groups",
    (
      select json_agg(json_build_object('name', g.name, 'expiresAt', ug.expires_at) order by g.name)
      from user_groups ug join groups g on g.id = ug.group_id
      where ug.user_id = u.id and ug.expires_at is not null and ${isCurrent('ug')}
    ) as "timedGroups",
    array(
      select p.codename from user_permissions up join permissions p on p.id = up.permission_id
      where up.user_id = u.id order by p.codename
    ) as "permissions"
  from users u where u.id > ? order by u.id limit ${pageSize}`;

interface PageRow extends ExportedUser {
  readonly groups: readonly string[];
  readonly timedGroups: readonly { readonly name: string; readonly expiresAt: string }[] | null;
}

export function createUserExports({
  unitOfWork,
  audit,
}: {
  readonly unitOfWork: Pick<UnitOfWork, 'query'>;
  readonly audit: Pick<Audit, 'append'>;
}): UserExports {
  const { query } = unitOfWork;

  async function* readPages(sql: string): AsyncGenerator<readonly ExportedUser[]> {
    let lastId: string | undefined = firstId;
    while (lastId !== undefined) {
      const rows: PageRow[] = await query<PageRow>(sql, [lastId]);
      if (rows.length > 0) yield rows.map(toExported);
      lastId = rows.length === pageSize ? rows.at(-1)?.id : undefined;
    }
  }

  return {
    async *exportUsers({ format, withPasswordHashes }, context) {
      requireOperator(context);
      const settings = { format, withPasswordHashes };
      await audit.append({ action: 'user-export-started', after: settings });
      let count = 0;
      let isComplete = false;
      try {
        for await (const page of readPages(pageSql(withPasswordHashes))) {
          count += page.length;
          yield page;
        }
        isComplete = true;
      } finally {
        await audit.append({ action: 'users-exported', after: { ...settings, count, isComplete } });
      }
    },

    async countUsers(context) {
      requireOperator(context);
      const [row] = await query<{ count: number }>('select count(*)::int as count from users');
      return row?.count ?? 0;
    },
  };
}

function requireOperator(context: RequestContext): void {
  if (actorIdOf(requireActor(context)) !== operatorId) throw new Problem('FORBIDDEN');
}

function toExported({ timedGroups, groups, ...user }: PageRow): ExportedUser {
  const timed = (timedGroups ?? []).map(({ name, expiresAt }) => ({
    name,
    expiresAt: new Date(expiresAt),
  }));
  return { ...user, groups: [...groups, ...timed] };
}
