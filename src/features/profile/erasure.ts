/** The erasure of the caller's own account, with all personal data. */

import { parseFields, parsePresentedPassword } from '../../core/parse.ts';
import { type RequestContext, requireSession } from '../../core/request-context.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Reauthentication } from '../authentication/reauthentication.ts';
import type { EraseUser } from './erase-user.ts';

export interface Erasure {
  /** @throws INVALID_CREDENTIALS, PROTECTED, THROTTLED, VALIDATION_FAILED */
  eraseAccount(password: unknown, context: RequestContext): Promise<void>;
}

export function createErasure({
  unitOfWork,
  reauthentication,
  eraseUser,
}: {
  readonly unitOfWork: Pick<UnitOfWork, 'transaction'>;
  readonly reauthentication: Reauthentication;
  readonly eraseUser: EraseUser;
}): Erasure {
  return {
    async eraseAccount(raw, context) {
      const actor = requireSession(context);
      const { password } = parseFields({ password: () => parsePresentedPassword(raw) });
      const verified = await reauthentication.reauthenticate(actor, password, context);
      await unitOfWork.transaction(async () => {
        await eraseUser(await reauthentication.lockReauthenticated(actor, verified));
      });
    },
  };
}
