/**
 * Wraps services so that their denials become visible: denied changes are appended to the audit log; denied
 * reads, wrong codes and wrong tokens are logged.
 */
import { Problem, type ProblemCode } from '../../core/errors.ts';
import type { Audit } from './audit.ts';

const auditedCodes: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['FORBIDDEN', 'PROTECTED']);

type Operation = (...parameters: never[]) => Promise<unknown>;

/** Returns the service with operations that append each denial to the audit log, by the name of the operation. */
export function withAuditedDenials<Service extends object>(
  audit: Audit,
  service: Service,
): Service {
  const wrapped = Object.entries(service).map(([name, operation]) => [
    name,
    auditDenials(audit, name, operation as Operation), // services of administration have operations only
  ]);
  return Object.fromEntries(wrapped) as Service; // the same names, each with the same parameters
}

function auditDenials(audit: Audit, name: string, operation: Operation): Operation {
  return async (...parameters) => {
    try {
      return await operation(...parameters);
    } catch (error) {
      if (error instanceof Problem && auditedCodes.has(error.code)) {
        await audit.append({ action: name, denial: error.code });
      }
      throw error;
    }
  };
}

/**
 * Returns the service with operations that log each denial with one of the codes, by the name of the
 * operation. Other properties stay the same.
 */
export function withLoggedDenials<Service extends object>(
  audit: Pick<Audit, 'logDenial'>,
  codes: readonly ProblemCode[],
  service: Service,
): Service {
  const wrapped = Object.entries(service).map(([name, value]) => [
    name,
    typeof value === 'function' ? logDenials(audit, codes, name, value) : value,
  ]);
  return Object.fromEntries(wrapped) as Service; // the same names, each with the same parameters
}

function logDenials(
  audit: Pick<Audit, 'logDenial'>,
  codes: readonly ProblemCode[],
  name: string,
  operation: Operation,
): Operation {
  return async (...parameters) => {
    try {
      return await operation(...parameters);
    } catch (error) {
      if (error instanceof Problem && codes.includes(error.code)) audit.logDenial(name, error.code);
      throw error;
    }
  };
}
