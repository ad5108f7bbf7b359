/**
 * Which rate limits an attempt consumes: a password, a code or token, a mail. Every interface ends here,
 * and of a request only the identifier and the network count.
 */
import { createHmac } from 'node:crypto';
import type { LimitName } from '../config/rate-limits.ts';
import { Problem } from '../core/errors.ts';
import { networkOf } from '../core/network.ts';
import type { LoginName } from '../core/parse.ts';
import { currentContext } from '../core/request-context.ts';
import { deriveKey } from '../crypto/keys.ts';
import type { Tasks } from '../jobs/tasks.ts';
import type { Bucket, RateLimiter } from './limiter.ts';

/** A password that is about to be checked. */
export interface PasswordAttempt {
  /** As `accountOf` names it, whether there is such an account or not. */
  readonly account: string;
  /** Whether the account has logged in from the caller's network lately. */
  readonly isKnownNetwork: boolean;
  /** Whether something else makes the attempt a failure even with the right password. */
  readonly isRefusedAnyway?: boolean;
}

/** Runs the comparison of a password when a thread is free for it, if the limits allow it. */
export type LimitedComparison = (compare: () => Promise<boolean>) => Promise<boolean>;

/** Mails that strangers can cause to somebody's address, by the limit that each kind has. */
export type RecipientLimit = 'mail-recipient' | 'new-address' | 'reset' | 'notice';

export interface AttemptLimits {
  /**
   * Limits the comparison of a password: consumes its attempts right before it, and refunds them when the
   * password was right. Only as many attempts are in flight as comparisons run at a time, so that right
   * passwords in parallel are not refused.
   *
   * @returns what to hand to the hasher; it throws THROTTLED without a comparison
   * @throws THROTTLED at once where a bucket is known to be exhausted
   */
  limitPassword(attempt: PasswordAttempt): Promise<LimitedComparison>;
  /**
   * Proves a code or token. One that never existed consumes an attempt; one that `wasReal`, though used,
   * expired or replaced, is no guess. Only for secrets that are too long for guessing: a burst may look up
   * more of them than the limit.
   *
   * @throws THROTTLED without having tried
   */
  limitCode<Result>(wasReal: () => Promise<boolean>, proof: () => Promise<Result>): Promise<Result>;
  /** Counts a check whether a code is valid, or a forged token. @throws THROTTLED */
  consumeCode(): Promise<void>;
  /**
   * Counts a request of the caller's network that can cause a mail; refunded when the service is too busy
   * for the work before it.
   *
   * @throws THROTTLED without having begun it
   */
  limitMailRequest<Result>(work: () => Promise<Result>): Promise<Result>;
  /**
   * The same for a change of address, which also counts for the account that asks: one account can neither
   * flood addresses of others nor use up their mails.
   *
   * @param account as `accountOf` names it
   * @throws THROTTLED without having begun it
   */
  limitEmailChange<Result>(account: string, work: () => Promise<Result>): Promise<Result>;
  /**
   * Counts a mail to the recipient where it is decided, in a request or in a job. Refunded when `send`
   * fails, or answers false because it sent nothing.
   *
   * @returns whether the limit let `send` run
   */
  limitMail(recipient: string, limit: RecipientLimit, send: () => unknown): Promise<boolean>;
  /** Empties the buckets of accounts whose owner has proved the address, and from the caller's network. */
  reset(accounts: readonly string[]): Promise<void>;
  /** The buckets of an account, of a network, or of that account from that network. */
  bucketsOf(of: { readonly account?: string; readonly network?: string }): readonly Bucket[];
  readonly tasks: Tasks;
  /** When which of the tasks is to be done, in crontab's notation. */
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

/** The limits of the limiter; no limits without one. */
export function createAttemptLimits(deps: {
  readonly rateLimiter: RateLimiter | undefined;
  readonly secretKey: string;
}): AttemptLimits {
  const { rateLimiter } = deps;
  const key = deriveKey(deps.secretKey, 'rate-limit');

  /** People mistype passwords into the field of the address: what they typed is not stored. */
  const digestOf = (text: string): string =>
    createHmac('sha256', key).update(text).digest('base64url').slice(0, 22);

  /** Of the caller's network; none for a command of the operator, which is not limited. */
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

  /** Does work on consumed attempts; `isFree` says of its failure, undefined for none, whether they are refunded. */
  const limited = async <Result>(
    buckets: readonly Bucket[],
    work: () => Promise<Result>,
    isFree: (failure?: unknown, result?: Result) => Promise<boolean> | boolean,
  ): Promise<Result> => {
    const attempt = await rateLimiter?.consume(buckets);
    const settle = async (isRefunded: boolean | Promise<boolean>) => {
      if (await isRefunded) await attempt?.refund();
      else attempt?.keep();
    };
    let result: Result;
    try {
      result = await work();
    } catch (failure) {
      await settle(isFree(failure));
      throw failure;
    }
    await settle(isFree(undefined, result));
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
    (await rateLimiter?.consume(codesOfCaller()))?.keep();
  };

  return {
    async limitPassword({ account, isKnownNetwork, isRefusedAnyway = false }) {
      const buckets = ofCaller((network) => [
        { limit: 'network', key: network },
        pairBucket(account, network),
        // Strangers must not lock the owner out where they are at home.
        ...(isKnownNetwork ? [] : [accountBucket(account)]),
      ]);
      await rateLimiter?.assertNotExhausted(buckets);
      return (compare) =>
        limited(
          buckets,
          compare,
          (failure, isRight) => failure !== undefined || (isRight === true && !isRefusedAnyway),
        );
    },
    async limitCode(wasReal, proof) {
      if (await wasReal()) await rateLimiter?.assertAvailable(codesOfCaller());
      else await consumeCode();
      return proof();
    },
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
    bucketsOf({ account, network }) {
      if (account !== undefined && network !== undefined) return [pairBucket(account, network)];
      const of = (names: readonly LimitName[], bucketKey: string | undefined): readonly Bucket[] =>
        bucketKey === undefined ? [] : names.map((limit) => ({ limit, key: bucketKey }));
      return [
        ...of(accountLimits, account && digestOf(account)),
        ...of(['network', 'code', 'mail-network'], network),
      ];
    },
    tasks: { [pruneTask]: async () => rateLimiter?.prune() },
    schedule: `*/5 * * * * ${pruneTask}`,
  };
}

/**
 * How an account is named where attempts on it are counted. A username and the address of the same
 * account count apart: together they would tell strangers that they belong together.
 */
export function accountOf(name: { kind: LoginName['kind']; value: string } | undefined): string {
  return name === undefined ? 'nobody' : `${name.kind}:${name.value.toLowerCase()}`;
}
