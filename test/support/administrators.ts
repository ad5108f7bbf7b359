/** Administrators for tests. Their grants are inserted into the database, without the policies. */
import { randomBytes } from 'node:crypto';
import { type Login, newAddress, somebody } from './people.ts';
import type { TestService } from './service.ts';

export interface Administrator extends Login {
  readonly email: string;
  readonly userId: string;
}

export function newName(): string {
  return `n${randomBytes(6).toString('hex')}`;
}

/** The id of the permission with this codename, which is created if it does not exist. */
export async function permissionId(service: TestService, codename: string): Promise<string> {
  await service.database.query(
    `insert into permissions (id, codename, name) values (gen_random_uuid(), $1, $1)
     on conflict do nothing`,
    [codename],
  );
  const [row] = await service.database.query<{ id: string }>(
    'select id from permissions where codename = $1',
    [codename],
  );
  if (!row) throw new Error(`no permission ${codename}`);
  return row.id;
}

/** A group with these permissions. */
export async function makeGroup(
  service: TestService,
  codenames: readonly string[] = [],
  name = newName(),
): Promise<string> {
  const [row] = await service.database.query<{ id: string }>(
    'insert into groups (id, name) values (gen_random_uuid(), $1) returning id',
    [name],
  );
  if (!row) throw new Error('no group');
  for (const codename of codenames) {
    await service.database.query('insert into group_permissions values ($1, $2)', [
      row.id,
      await permissionId(service, codename),
    ]);
  }
  return row.id;
}

/** The user holds these permissions directly, and no others. */
export async function setPermissions(
  service: TestService,
  userId: string,
  codenames: readonly string[],
): Promise<void> {
  await service.database.query(
    `insert into permissions (id, codename, name) select gen_random_uuid(), code, code
     from unnest($1::text[]) code on conflict do nothing`,
    [codenames],
  );
  await service.database.query('delete from user_permissions where user_id = $1', [userId]);
  await service.database.query(
    `insert into user_permissions select $1, id from permissions where codename = any($2)`,
    [userId, codenames],
  );
}

/** An active account without a usable password. */
export async function makeUser(
  service: TestService,
  flags: { readonly isSuperuser?: boolean; readonly isStaff?: boolean } = {},
): Promise<string> {
  const [row] = await service.database.query<{ id: string }>(
    `insert into users (id, email, first_name, last_name, status, is_superuser, is_staff, created_at, updated_at, email_verified_at)
     values (gen_random_uuid(), $1, 'Grace', 'Hopper', 'ACTIVE', $2, $3, now(), now(), now()) returning id`,
    [newAddress(), flags.isSuperuser ?? false, flags.isStaff ?? false],
  );
  if (!row) throw new Error('no user');
  return row.id;
}

export async function superuser(service: TestService): Promise<Administrator> {
  const login = await somebody(service);
  await service.database.query('update users set is_superuser = true where id = $1', [
    login.userId,
  ]);
  return login;
}

/** A staff member with these permissions. */
export async function staff(
  service: TestService,
  codenames: readonly string[] = [],
): Promise<Administrator> {
  const login = await somebody(service);
  await service.database.query('update users set is_staff = true where id = $1', [login.userId]);
  await setPermissions(service, login.userId, codenames);
  return login;
}
