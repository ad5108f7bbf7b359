/**
 * Logins that come while no more passwords can be checked are turned away before anything looks at
 * them: in a flood even a refusal has to be cheap, or those who are logged in pay for it.
 */
import type { FastifyRequest } from 'fastify';
import { Problem } from '../../core/errors.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import { contextOf } from '../http/context.ts';
import { noteOperation, noteRefusal } from '../http/request-log.ts';

/** @throws OVERLOADED while there is no place for a login */
export type RefuseCrowdedLogin = (request: FastifyRequest) => void;

export function refusingCrowdedLogins(hasher: Pick<PasswordHasher, 'place'>): RefuseCrowdedLogin {
  return (request) => {
    try {
      hasher.place()[Symbol.dispose]();
    } catch (error) {
      const context = contextOf(request);
      noteOperation(context, 'login');
      if (error instanceof Problem) noteRefusal(context, error.code);
      throw error;
    }
  };
}
