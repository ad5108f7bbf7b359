/** Wires the accounts. */
import { createForeignHashes, type ForeignHashes } from './foreign-hashes.ts';
import { createUsers, type Users } from './users.ts';

export interface UsersModule {
  readonly users: Users;
  readonly foreignHashes: ForeignHashes;
}

type UsersModuleDeps = Parameters<typeof createForeignHashes>[0] & {
  readonly unitOfWork: Parameters<typeof createUsers>[0];
};

export function createUsersModule(deps: UsersModuleDeps): UsersModule {
  return { users: createUsers(deps.unitOfWork), foreignHashes: createForeignHashes(deps) };
}
