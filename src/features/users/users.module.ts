/** Wires the accounts. */
import type { UnitOfWork } from '../../database/transaction.ts';
import { createUsers, type Users } from './users.ts';

export interface UsersModule {
  readonly users: Users;
}

export function createUsersModule(deps: { readonly unitOfWork: UnitOfWork }): UsersModule {
  return { users: createUsers(deps.unitOfWork) };
}
