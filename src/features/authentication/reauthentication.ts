/** Reauthentication: the caller's current password, before an operation that requires it. */

import { Problem } from '../../core/errors.ts';
import type { RequestContext, SessionActor } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import { type AttemptLimits, accountOf } from '../../rate-limit/attempt-limits.ts';
import type { Audit } from '../audit/audit.ts';
import { knownNetworkParameters, knownNetworkSql } from '../sessions/sessions.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';

/** The hash that the password matched. */
export interface VerifiedPassword {
  readonly hash: string;
}

export interface Reauthentication {
  /**
   * @param isOtherwiseRight whether the other credentials are right; otherwise the caller gets the same
   *   error after the same work
   * @throws INVALID_CREDENTIALS, THROTTLED
   */
  reauthenticate(
    actor: SessionActor,
    password: string,
    context: RequestContext,
    isOtherwiseRight?: boolean,
  ): Promise<VerifiedPassword>;
  /**
   * The caller's user, locked. Fails if the account was disabled or got another password since the
   * check. Needs a transaction.
   *
   * @throws INVALID_CREDENTIALS
   */
  lockReauthenticated(actor: SessionActor, verified: VerifiedPassword): Promise<User>;
}

interface Candidate {
  readonly hash: string | null;
  readonly isKnownNetwork: boolean;
}

const findCandidate: Statement = {
  name: 'reauthentication-candidate',
  text: `
    select (select h.password_hash from password_hashes h where h.user_id = u.id) as hash,
      ${knownNetworkSql('u.id')}
    from users u where u.id = $3`,
};

export function createReauthentication(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly clock: Clock;
  readonly users: Users;
  readonly hasher: PasswordHasher;
  readonly attemptLimits: AttemptLimits;
  readonly audit: Audit;
}): Reauthentication {
  const { users, hasher, attemptLimits, audit, clock } = deps;
  const { execute } = deps.unitOfWork;

  const deny = async (id: string): Promise<never> => {
    const target = { type: 'user', id } as const;
    await audit.append({ action: 'password-asked', denial: 'INVALID_CREDENTIALS', target });
    throw new Problem('INVALID_CREDENTIALS');
  };
  return {
    async reauthenticate({ user }, password, context, isOtherwiseRight = true) {
      using _slot = hasher.reserveSlot();
      const account = accountOf({ kind: 'email', value: user.email });
      const [candidate] = await execute<Candidate>(findCandidate, [
        ...knownNetworkParameters(context.client, clock()),
        user.id,
      ]);
      const hash = candidate?.hash ?? undefined;
      const limited = attemptLimits.limitPassword({
        account,
        isKnownNetwork: candidate?.isKnownNetwork ?? false,
        isRefusedAnyway: !isOtherwiseRight,
      });
      const isRight = await hasher.verify(hash, password, context.signal, limited);
      if (hash === undefined || !isRight || !isOtherwiseRight) return deny(user.id);
      return { hash };
    },
    async lockReauthenticated(actor, { hash }) {
      const user = await users.lockById(actor.user.id);
      const isUnchanged = (await users.findPasswordHash(actor.user.id)) === hash;
      if (user?.status !== 'ACTIVE' || !isUnchanged) throw new Problem('INVALID_CREDENTIALS');
      return user;
    },
  };
}
