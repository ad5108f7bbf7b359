/** Wires the groups and permissions of users. */
import type { UnitOfWork } from '../../database/transaction.ts';
import { type Access, createAccess } from './access.ts';

export interface AccessModule {
  readonly access: Access;
}

export function createAccessModule(deps: { readonly unitOfWork: UnitOfWork }): AccessModule {
  return { access: createAccess(deps.unitOfWork) };
}
