/** Who asks when a command is run: the operator, who has no account and may do what a superuser may. */
import { v4 as uuidv4 } from 'uuid';
import type { Context } from '../core/actor.ts';
import { operatorId } from '../features/audit/audit.ts';

export function operatorContext(): Context {
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
        emailVerifiedAt: null,
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
