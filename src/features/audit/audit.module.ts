/** Wires the audit log: appending entries, and verifying their chains. */
import type { Clock } from '../../core/time.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';
import { type Audit, createAudit } from './audit.ts';
import { type AuditVerifier, createAuditVerifier } from './verification.ts';

export interface AuditModuleDeps {
  readonly unitOfWork: UnitOfWork;
  readonly log: Log;
  readonly clock: Clock;
  readonly secretKey: string;
}

export interface AuditModule {
  readonly audit: Audit;
  readonly verifier: AuditVerifier;
}

export function createAuditModule(deps: AuditModuleDeps): AuditModule {
  const { unitOfWork, log, clock, secretKey } = deps;
  return {
    audit: createAudit({ unitOfWork, log, secretKey, clock }),
    verifier: createAuditVerifier({ unitOfWork, secretKey, clock }),
  };
}
