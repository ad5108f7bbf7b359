/**
 * Load shedding: rejects logins at the start of the request while the hash queue is full. Under overload even
 * a rejection has to be cheap, so that other requests stay fast.
 */
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../core/errors.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import { contextOf } from '../http/context.ts';
import { setErrorCode, setOperation } from '../http/request-log.ts';

/** @throws OVERLOADED while the hash queue is full */
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
