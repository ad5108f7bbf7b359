/**
 * The short codes of verification mails. A short code can be guessed, so it is valid only together with its address,
 * and only until five wrong ones were tried at that address. The long code and the link stay valid after that.
 */
import type { EmailAddress } from '../../core/parse.ts';
import type { Clock } from '../../core/time.ts';
import {
  isSameShortCode,
  type OneTimeSecrets,
  type ShortCode,
} from '../../crypto/one-time-secret.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import type { Users } from '../users/users.ts';

export interface ShortCodes {
  /**
   * The long code of the same mail, if the short code is right. A wrong one counts for every open code of the address,
   * and in the rate limit of codes. Addresses with and without an open code cost the same statements.
   *
   * @throws THROTTLED
   */
  redeem(email: EmailAddress, shortCode: ShortCode): Promise<string | undefined>;
}

/** Wrong short codes of an address until the short form of a code is dead. */
const maxFailures = 5;

/**
 * Counts an attempt for each open code of the address that has attempts left, and returns their ids. The count comes
 * before the comparison, so that parallel callers cannot compare more than five. The lock of the account comes
 * before those of its codes, as in all transactions. The accounts are those of `isUnverified`.
 */
const countAttempt = `
  with account as materialized (
    select id, email from users
    where email = ? and (status = 'PENDING' or (status = 'ACTIVE' and email_verified_at is null))
    for no key update
  ), registration as (
    update registrations set failed_short_codes = failed_short_codes + 1
    where email = ? and expires_at > ? and failed_short_codes < ${maxFailures}
    returning code_id as id
  ), code as (
    update one_time_passwords o set failed_short_codes = o.failed_short_codes + 1
    from account a
    where o.user_id = a.id and o.email = a.email and o.kind = 'verify-email'
      and o.ended_at is null and o.expires_at > ? and o.failed_short_codes < ${maxFailures}
    returning o.id
  )
  select id from registration union all select id from code`;

const refundAttempt = `
  with registration as (
    update registrations set failed_short_codes = failed_short_codes - 1
    where email = ? and code_id = any(?::uuid[])
  )
  update one_time_passwords set failed_short_codes = failed_short_codes - 1 where id = any(?::uuid[])`;

export function createShortCodes(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'transaction' | 'query'>;
  readonly users: Pick<Users, 'lockAddress'>;
  readonly secrets: Pick<OneTimeSecrets, 'derive' | 'deriveShort'>;
  readonly attemptLimits: Pick<AttemptLimits, 'limitShortCode'>;
  readonly clock: Clock;
}): ShortCodes {
  const { transaction, query } = deps.unitOfWork;

  /** Commits also when the code is wrong, so that the attempt stays counted. */
  const compare = (email: EmailAddress, shortCode: ShortCode) =>
    transaction(async () => {
      // A commit without changed rows waits for no disk, and the duration must not reveal an open code.
      await query("select set_config('synchronous_commit', 'off', true)");
      await deps.users.lockAddress(email);
      const now = deps.clock();
      const open = await query<{ id: string }>(countAttempt, [email, email, now, now]);
      const ids = open.map(({ id }) => id);
      const [match] = ids.filter((id) => isSameShortCode(deps.secrets.deriveShort(id), shortCode));
      if (match === undefined) return undefined;
      await query(refundAttempt, [email, ids, ids]);
      return deps.secrets.derive(match);
    });

  return {
    redeem: (email, shortCode) =>
      deps.attemptLimits.limitShortCode(() => compare(email, shortCode)),
  };
}
