/**
 * Maps attempts to rate limits: a password, a code or token, a mail. All interfaces use these functions.
 * Of a request only the identifier and the network count.
 */
import { createHmac } from 'node:crypto';
import type { LimitName } from '../config/rate-limits.ts';
import { Problem } from '../core/errors.ts';
import { networkOf } from '../core/network.ts';
import type { LoginName } from '../core/parse.ts';
import { currentContext } from '../core/request-context.ts';
import { deriveKey } from '../crypto/keys.ts';
import type { ComparisonLimit } from '../crypto/password/metered-queue.ts';
import type { Tasks } from '../jobs/tasks.ts';
import type { Bucket, RateLimiter } from './limiter.ts';

/** The next check of a password. */
export interface PasswordAttempt {
  /** A key from `accountOf`, also for an account that does not exist. */
  readonly account: string;
  /** Whether the account recently logged in from the caller's network. */
  readonly isKnownNetwork: boolean;
  /** Whether the attempt fails even with the right password. */
  readonly isRefusedAnyway?: boolean;
}

/** The limits of mails that anonymous requests can cause, by kind of mail. */
export type RecipientLimit = 'mail-recipient' | 'new-address' | 'reset' | 'notice';

export interface AttemptLimits {
  /**
   * Limits the comparison of a password. The hasher consumes the attempt when a thread is free for it, and
   * refunds it if the password is right. The hasher compares passwords of one account from one network one
   * after the other, so that parallel right passwords do not throttle each other.
   *
   * @throws THROTTLED when a bucket refused an attempt a moment ago
   */
  limitPassword(attempt: PasswordAttempt): ComparisonLimit;
  /**
   * Limits the use of a code or token. An unknown one consumes an attempt. One that was issued, even if it
   * is used, expired or replaced, does not. Only for secrets that are too long to guess: a burst may look
   * up more of them than the limit.
   *
   * @throws THROTTLED without a call of `work`
   */
  limitCode<Result>(isKnown: () => Promise<boolean>, work: () => Promise<Result>): Promise<Result>;
  /**
   * Limits the use of a code that is short enough to guess, for any address: the attempt counts before `work` compares
   * the code. It is refunded if `work` has a result, which means that the code is right.
   *
   * @throws THROTTLED without a call of `work`
   */
  limitShortCode<Result>(work: () => Promise<Result | undefined>): Promise<Result | undefined>;
  /** Counts a check whether a code is valid, or a forged token. @throws THROTTLED */
  consumeCode(): Promise<void>;
  /**
   * Counts a request of the caller's network that can cause a mail. Refunded if `work` throws OVERLOADED.
   *
   * @throws THROTTLED without a call of `work`
   */
  limitMailRequest<Result>(work: () => Promise<Result>): Promise<Result>;
  /**
   * The same for an email change, which also counts for the requesting account: one account can neither
   * flood other addresses nor exhaust their mails.
   *
   * @param account a key from `accountOf`
   * @throws THROTTLED without a call of `work`
   */
  limitEmailChange<Result>(account: string, work: () => Promise<Result>): Promise<Result>;
  /**
   * Counts a mail to the recipient, in a request or in a job. Refunded if `send` throws or returns false
   * because it sent nothing.
   *
   * @returns whether `send` was called
   */
  limitMail(recipient: string, limit: RecipientLimit, send: () => unknown): Promise<boolean>;
  /** Empties the buckets of accounts after a verified reset, also those with the caller's network. */
  reset(accounts: readonly string[]): Promise<void>;
  /**
   * The buckets of an account, also those with a network; the buckets of a network; or the bucket of that account from
   * that network.
   */
  bucketsOf(of: {
    readonly account?: string;
    readonly network?: string;
  }): Promise<readonly Bucket[]>;
  readonly tasks: Tasks;
  /** When the task runs, in crontab format. */
  readonly schedule: string;
}

/** The limits whose buckets belong to an account or an address. */
const accountLimits = [
  'account',
  'email-change',
  'mail-recipient',
  'new-address',
  'reset',
  'notice',
] as const satisfies LimitName[];

const pruneTask = 'prune-rate-limits';

/** @param deps.rateLimiter undefined when rate limits are off */
export function createAttemptLimits(deps: {
  readonly rateLimiter: RateLimiter | undefined;
  readonly secretKey: string;
}): AttemptLimits {
  const { rateLimiter } = deps;
  const key = deriveKey(deps.secretKey, 'rate-limit');

  /** Users sometimes type a password into the field of the address, so only a digest is stored. */
  const digestOf = (text: string): string =>
    createHmac('sha256', key).update(text).digest('base64url').slice(0, 22);

  /** Buckets of the caller's network; none for a command of the operator, which is not limited. */
  const ofCaller = (buckets: (network: string) => readonly Bucket[]): readonly Bucket[] => {
    const address = currentContext()?.client.ipAddress;
    return address ? buckets(networkOf(address)) : [];
  };
  const codesOfCaller = () => ofCaller((network) => [{ limit: 'code', key: network }]);

  const pairBucket = (account: string, network: string): Bucket => ({
    limit: 'account-network',
    key: `${digestOf(account)}:${network}`,
  });
  const accountBucket = (account: string, limit: LimitName = 'account'): Bucket => ({
    limit,
    key: digestOf(account),
  });

  const pairBucketsOf = async (account: string): Promise<readonly Bucket[]> =>
    (await rateLimiter?.findBuckets('account-network', `${digestOf(account)}:`)) ?? [];

  /** Consumes the attempt, runs `work`, and refunds the attempt if `isFree` accepts the failure or result. */
  const limited = async <Result>(
    buckets: readonly Bucket[],
    work: () => Promise<Result>,
    isFree: (failure?: unknown, result?: Result) => boolean,
  ): Promise<Result> => {
    const refund = await rateLimiter?.consume(buckets);
    let result: Result;
    try {
      result = await work();
    } catch (failure) {
      if (isFree(failure)) await refund?.();
      throw failure;
    }
    if (isFree(undefined, result)) await refund?.();
    return result;
  };

  const limitRequest = <Result>(buckets: readonly Bucket[], work: () => Promise<Result>) =>
    limited(
      buckets,
      work,
      (failure) => failure instanceof Problem && failure.code === 'OVERLOADED',
    );
  const mailsOfCaller = () => ofCaller((network) => [{ limit: 'mail-network', key: network }]);

  const consumeCode = async () => {
    await rateLimiter?.consume(codesOfCaller());
  };

  return {
    limitPassword({ account, isKnownNetwork, isRefusedAnyway = false }) {
      const buckets = ofCaller((network) => [
        { limit: 'network', key: network },
        pairBucket(account, network),
        // Strangers must not lock the owner out of a known network.
        ...(isKnownNetwork ? [] : [accountBucket(account)]),
      ]);
      rateLimiter?.assertNotRefused(buckets);
      return {
        key: rateLimiter && buckets.find(({ limit }) => limit === 'account-network')?.key,
        isRefusedAnyway,
        run: (compare) =>
          limited(
            buckets,
            compare,
            (failure, isRight) => failure !== undefined || (isRight === true && !isRefusedAnyway),
          ),
      };
    },
    async limitCode(isKnown, work) {
      if (await isKnown()) await rateLimiter?.assertAvailable(codesOfCaller());
      else await consumeCode();
      return work();
    },
    limitShortCode: (work) =>
      limited(
        codesOfCaller(),
        work,
        (failure, result) => failure !== undefined || result !== undefined,
      ),
    consumeCode,
    limitMailRequest: (work) => limitRequest(mailsOfCaller(), work),
    limitEmailChange: (account, work) =>
      limitRequest([...mailsOfCaller(), accountBucket(account, 'email-change')], work),
    async limitMail(recipient, limit, send) {
      const account = accountOf({ kind: 'email', value: recipient });
      try {
        const sending = async () => send();
        await limited(
          [accountBucket(account, limit)],
          sending,
          (failure, isSent) => failure !== undefined || isSent === false,
        );
        return true;
      } catch (error) {
        if (error instanceof Problem && error.code === 'THROTTLED') return false;
        throw error;
      }
    },
    async reset(accounts) {
      const buckets = accounts.flatMap((account) => [
        accountBucket(account),
        ...ofCaller((network) => [pairBucket(account, network)]),
      ]);
      await rateLimiter?.reset(buckets);
    },
    async bucketsOf({ account, network }) {
      if (account !== undefined && network !== undefined) return [pairBucket(account, network)];
      const of = (names: readonly LimitName[], bucketKey: string | undefined): readonly Bucket[] =>
        bucketKey === undefined ? [] : names.map((limit) => ({ limit, key: bucketKey }));
      return [
        ...of(accountLimits, account && digestOf(account)),
        ...(account === undefined ? [] : await pairBucketsOf(account)),
        ...of(['network', 'code', 'mail-network'], network),
      ];
    },
    tasks: { [pruneTask]: async () => rateLimiter?.prune() },
    schedule: `*/5 * * * * ${pruneTask}`,
  };
}

/**
 * The key of an account in rate limits. The username and the address of an account have separate keys: a
 * common one would reveal that they belong to the same account.
 */
export function accountOf(name: { kind: LoginName['kind']; value: string } | undefined): string {
  return name === undefined ? 'nobody' : `${name.kind}:${name.value.toLowerCase()}`;
}
