/** Who asks when a command is run: the operator, who has no account and may do what a superuser may. */
import { v4 as uuidv4 } from 'uuid';
import type { Context } from '../core/actor.ts';
import { onBehalfOf } from '../core/ambient.ts';
import { operatorId } from '../features/audit/audit.ts';
import type { House } from '../house.ts';
import { withHouse } from './with-house.ts';

function operatorContext(): Context {
  const beginning = new Date();
  return {
    actor: {
      person: {
        id: operatorId,
        email: 'operator',
        username: null,
        firstName: '',
        lastName: '',
        status: 'ACTIVE',
        isStaff: true,
        isSuperuser: true,
        pendingEmail: null,
        locale: null,
        createdAt: beginning,
        updatedAt: beginning,
        lastLoginAt: null,
      },
      sessionId: operatorId,
      groups: new Set(),
      permissions: new Set(),
    },
    client: {
      ipAddress: '',
      userAgent: 'gatehouse command line',
      locale: 'en',
      requestId: uuidv4(),
    },
  };
}

/** Runs `work` in the house on behalf of the operator. */
export function withOperator<Result>(
  work: (house: House, context: Context) => Promise<Result>,
): Promise<Result> {
  const context = operatorContext();
  return withHouse((house) => onBehalfOf(context, () => work(house, context)));
}
