/**
 * Wraps services so that their denials become visible: denied changes are appended to the audit log; denied
 * reads, wrong codes and wrong tokens are logged.
 */
import { Problem, type ProblemCode } from '../../core/errors.ts';
import type { Audit, DenialDetails } from './audit.ts';

const auditedCodes: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['FORBIDDEN', 'PROTECTED']);

type Operation = (...parameters: never[]) => Promise<unknown>;
type DetailsOf = (...parameters: never[]) => DenialDetails;

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
 *
 * @param detailsOf further values of the line, from the parameters of the operation
 */
export function withLoggedDenials<Service extends object>(
  audit: Pick<Audit, 'logDenial'>,
  codes: readonly ProblemCode[],
  service: Service,
  detailsOf: DetailsOf = () => ({}),
): Service {
  const logDenial = (name: string, code: ProblemCode, parameters: never[]) => {
    if (codes.includes(code)) audit.logDenial(name, code, detailsOf(...parameters));
  };
  const wrapped = Object.entries(service).map(([name, value]) => [
    name,
    typeof value === 'function' ? logDenials(name, value, logDenial) : value,
  ]);
  return Object.fromEntries(wrapped) as Service; // the same names, each with the same parameters
}

function logDenials(
  name: string,
  operation: Operation,
  logDenial: (name: string, code: ProblemCode, parameters: never[]) => void,
): Operation {
  return async (...parameters) => {
    try {
      return await operation(...parameters);
    } catch (error) {
      if (error instanceof Problem) logDenial(name, error.code, parameters);
      throw error;
    }
  };
}
