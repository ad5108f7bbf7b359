/** The fields of an exported account, in the order of the file. The import reads all of them except `id`. */
import type { JsonObject } from '../../core/json.ts';
import type { UserStatus } from '../users/user.entity.ts';

/** A membership without an end is the name of the group. */
export type ExportedGroup = string | { readonly name: string; readonly expiresAt: Date };

export interface ExportedUser {
  /** For other tables that refer to it. The import gives new ids. */
  readonly id: string;
  readonly externalId: string | null;
  readonly email: string;
  readonly username: string | null;
  readonly firstName: string;
  readonly lastName: string;
  readonly status: UserStatus;
  readonly emailVerifiedAt: Date | null;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  /** Null without a password. Absent in an export without hashes. */
  readonly passwordHash?: string | null;
  readonly locale: string | null;
  readonly metadata: JsonObject;
  readonly createdAt: Date;
  readonly lastLoginAt: Date | null;
  /** Without the group of superusers and without ended memberships. */
  readonly groups: readonly ExportedGroup[];
  readonly permissions: readonly string[];
}

type ExportedField = keyof ExportedUser;

const fields = [
  'id',
  'externalId',
  'email',
  'username',
  'firstName',
  'lastName',
  'status',
  'emailVerifiedAt',
  'isStaff',
  'isSuperuser',
  'passwordHash',
  'locale',
  'metadata',
  'createdAt',
  'lastLoginAt',
  'groups',
  'permissions',
] as const satisfies readonly ExportedField[];

export function exportedFields(withPasswordHashes: boolean): readonly ExportedField[] {
  return fields.filter((field) => withPasswordHashes || field !== 'passwordHash');
}
