/** Wires the export of all accounts. */
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../audit/audit.ts';
import { createUserExports, type UserExports } from './user-exports.ts';

export interface UserExportModule {
  readonly userExports: UserExports;
}

export function createUserExportModule(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'query'>;
  readonly audit: Pick<Audit, 'append'>;
}): UserExportModule {
  return { userExports: createUserExports(deps) };
}
