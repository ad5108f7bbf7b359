/**
 * Refusals that are worth knowing: those of changes become entries of the audit log, those of reads and of
 * wrong codes and tokens become lines of the log.
 */
import { Problem, type ProblemCode } from '../../core/errors.ts';
import type { Audit } from './audit.ts';

const recordedCodes: ReadonlySet<ProblemCode> = new Set<ProblemCode>(['FORBIDDEN', 'PROTECTED']);

type Operation = (...parameters: never[]) => Promise<unknown>;

/** The same service, whose refusals are recorded by the name of the operation. */
export function withAuditedDenials<Service extends object>(
  audit: Audit,
  service: Service,
): Service {
  const wrapped = Object.entries(service).map(([name, operation]) => [
    name,
    recorded(audit, name, operation as Operation), // services of administration have operations only
  ]);
  return Object.fromEntries(wrapped) as Service; // the same names, each with the same parameters
}

function recorded(audit: Audit, name: string, operation: Operation): Operation {
  return async (...parameters) => {
    try {
      return await operation(...parameters);
    } catch (error) {
      if (error instanceof Problem && recordedCodes.has(error.code)) {
        await audit.append({ action: name, refusal: error.code });
      }
      throw error;
    }
  };
}

/**
 * The same service, whose refusals with these codes are logged by the name of the operation. Values that
 * are no functions stay as they are.
 */
export function withLoggedDenials<Service extends object>(
  audit: Pick<Audit, 'logRefusal'>,
  codes: readonly ProblemCode[],
  service: Service,
): Service {
  const wrapped = Object.entries(service).map(([name, value]) => [
    name,
    typeof value === 'function' ? logged(audit, codes, name, value) : value,
  ]);
  return Object.fromEntries(wrapped) as Service; // the same names, each with the same parameters
}

function logged(
  audit: Pick<Audit, 'logRefusal'>,
  codes: readonly ProblemCode[],
  name: string,
  operation: Operation,
): Operation {
  return async (...parameters) => {
    try {
      return await operation(...parameters);
    } catch (error) {
      if (error instanceof Problem && codes.includes(error.code))
        audit.logRefusal(name, error.code);
      throw error;
    }
  };
}
