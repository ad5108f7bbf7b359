/**
 * Logins that come while no more passwords can be checked are turned away before anything looks at
 * them: in a flood even a refusal has to be cheap, or those who are logged in pay for it.
 */
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../core/errors.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import { contextOf } from '../http/context.ts';
import { setErrorCode, setOperation } from '../http/request-log.ts';

/** @throws OVERLOADED while there is no place for a login */
export type ShedLogin = (request: FastifyRequest) => void;

export function shedLoginsWhenSaturated(hasher: Pick<PasswordHasher, 'reserveSlot'>): ShedLogin {
  return (request) => {
    try {
      hasher.reserveSlot()[Symbol.dispose]();
    } catch (error) {
      const context = contextOf(request);
      setOperation(context, 'login');
      if (error instanceof Problem) setErrorCode(context, error.code);
      throw error;
    }
  };
}
