/** The erasure of the caller's own account, with all personal data. */

import { parseFields, parsePresentedPassword } from '../../core/parse.ts';
import { type RequestContext, requireSession } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { enqueueMail, removeQueuedMails } from '../../mail/outbox.ts';
import type { Audit } from '../audit/audit.ts';
import type { Reauthentication } from '../authentication/reauthentication.ts';
import type { Users } from '../users/users.ts';

export interface Erasure {
  /** @throws INVALID_CREDENTIALS, PROTECTED, THROTTLED, VALIDATION_FAILED */
  eraseAccount(password: unknown, context: RequestContext): Promise<void>;
}

export function createErasure(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly users: Pick<Users, 'requireAnotherSuperuser' | 'remove'>;
  readonly reauthentication: Reauthentication;
  readonly audit: Pick<Audit, 'subjectKeys'>;
}): Erasure {
  const { users, reauthentication } = deps;
  const { em, transaction, query } = deps.unitOfWork;

  const oneTimePasswordIdsOf = async (userId: string): Promise<string[]> => {
    const rows = await query<{ id: string }>(
      'select id from one_time_passwords where user_id = ?',
      [userId],
    );
    return rows.map(({ id }) => id);
  };

  return {
    async eraseAccount(raw, context) {
      const actor = requireSession(context);
      const { password } = parseFields({ password: () => parsePresentedPassword(raw) });
      const verified = await reauthentication.reauthenticate(actor, password, context);
      await transaction(async () => {
        const user = await reauthentication.lockReauthenticated(actor, verified);
        await users.requireAnotherSuperuser(user);
        const { id, email, locale } = user;
        await enqueueMail(em, { mail: 'account-erased', to: email, locale });
        const oneTimePasswordIds = await oneTimePasswordIdsOf(id);
        await removeQueuedMails(deps.unitOfWork, { userId: id, oneTimePasswordIds });
        await users.remove(user);
        // The audit entries stay. Without the key their personal data cannot be read.
        await deps.audit.subjectKeys.forget(id);
      });
    },
  };
}
