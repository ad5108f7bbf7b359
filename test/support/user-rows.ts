/** The rows of a user, for tests that check that nothing has changed. */
import type { TestService } from './service.ts';

/** The user with the hash of the password. */
export async function rowOf({ database }: Pick<TestService, 'database'>, id: string) {
  const [found] = await database.query<Record<string, unknown>>(
    `select u.*, h.password_hash from users u left join password_hashes h on h.user_id = u.id
     where u.id = $1`,
    [id],
  );
  return found;
}

/** Permissions and groups of a user, by their ids. */
export async function grantedTo({ database }: Pick<TestService, 'database'>, userId: string) {
  return database.query(
    `select 'p' as kind, permission_id as id from user_permissions where user_id = $1
     union all select 'g', group_id from user_groups where user_id = $1 order by 1, 2`,
    [userId],
  );
}
