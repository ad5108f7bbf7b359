/**
 * Which budgets an attempt draws on: proving a password, a code or a token, and asking for a mail.
 * Every door ends here, and of a request only the identifier and the network count.
 */
import { createHmac } from 'node:crypto';
import { currentContext } from '../../core/ambient.ts';
import type { BudgetName } from '../../core/attempt-budgets.ts';
import { Problem, type ProblemCode } from '../../core/errors.ts';
import { deriveKey } from '../../core/keys.ts';
import { networkOf } from '../../core/network.ts';
import type { LoginName } from '../../core/parse.ts';
import type { Budgets, Claim } from '../../db/budgets.ts';
import type { Tasks } from '../../db/job-tasks.ts';

export interface Attempts {
  /**
   * Proves a password of an account, known or not; `account` is what `accountOf` answers. A wrong one
   * stays spent.
   *
   * @throws THROTTLED without having tried
   */
  provePassword<Result>(account: string, proof: () => Promise<Result>): Promise<Result>;
  /**
   * Proves a code or token. One that there never was stays spent; one that `wasReal`, though used,
   * expired or replaced, is no guess: callers that race with it are not punished.
   *
   * @throws THROTTLED without having tried
   */
  proveCode<Result>(wasReal: () => Promise<boolean>, proof: () => Promise<Result>): Promise<Result>;
  /** Counts a look at a code, or a forged token. @throws THROTTLED */
  spendCode(): Promise<void>;
  /**
   * Counts a mail to `recipient` that the caller makes us write, unless we have no time for the work
   * that goes before it.
   *
   * @throws THROTTLED without having begun it
   */
  spendMail<Result>(recipient: string, work: () => Promise<Result>): Promise<Result>;
  /** The same, but who has had many mails already is left alone silently: whether one may go out. */
  maySendMail(recipient: string): Promise<boolean>;
  /**
   * Counts a notice that somebody tried to use the address: whether it may go out. Jobs ask, so no
   * network counts.
   */
  maySendNotice(recipient: string): Promise<boolean>;
  /** Whoever proved the account's address may try again at once. */
  forgive(account: string): Promise<void>;
  /** The buckets of an account, of a network, or of that account from that network. */
  bucketsOf(of: { readonly account?: string; readonly network?: string }): readonly Claim[];
  readonly tasks: Tasks;
  /** When which of the tasks is to be done, in crontab's notation. */
  readonly schedule: string;
}

const pruneTask = 'prune-attempt-budgets';

const failures: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'INVALID_CREDENTIALS',
  'INVALID_CODE',
  'INVALID_TOKEN',
]);

/** Attempts on `budgets`; unlimited without them. */
export function createAttempts(parts: {
  readonly budgets: Budgets | undefined;
  readonly secretKey: string;
}): Attempts {
  const { budgets } = parts;
  const key = deriveKey(parts.secretKey, 'attempt-budget');

  /** People mistype passwords into the field of the address: what they typed is not kept. */
  const digestOf = (text: string): string =>
    createHmac('sha256', key).update(text).digest('base64url').slice(0, 22);

  /** Of the network that the request comes from; none of the operator's, who is not limited. */
  const ofCaller = (claims: (network: string) => readonly Claim[]): readonly Claim[] => {
    const address = currentContext()?.client.ipAddress;
    return address ? claims(networkOf(address)) : [];
  };

  const pairClaim = (account: string, network: string): Claim => ({
    budget: 'account-network',
    key: `${digestOf(account)}:${network}`,
  });
  const accountClaim = (account: string, budget: BudgetName = 'account'): Claim => ({
    budget,
    key: digestOf(account),
  });

  /** Does work on reserved attempts; `isFree` says of its failure, undefined for none, whether they are given back. */
  const attempt = async <Result>(
    claims: readonly Claim[],
    work: () => Promise<Result>,
    isFree: (failure?: unknown) => Promise<boolean>,
  ): Promise<Result> => {
    const reservation = await budgets?.reserve(claims);
    let failure: unknown;
    try {
      return await work();
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      if (await isFree(failure)) await reservation?.refund();
      else reservation?.keep();
    }
  };

  /** Only a failed proof costs attempts. */
  const prove = <Result>(
    claims: readonly Claim[],
    proof: () => Promise<Result>,
    isExcused: () => Promise<boolean> = async () => false,
  ): Promise<Result> =>
    attempt(claims, proof, async (failure) => {
      const isFailure = failure instanceof Problem && failures.has(failure.code);
      return !isFailure || isExcused().catch(() => false);
    });

  const spend = async (claims: readonly Claim[]): Promise<void> => {
    (await budgets?.reserve(claims))?.keep();
  };

  const mailsOfNetwork = () => ofCaller((network) => [{ budget: 'mail-network', key: network }]);
  const recipientClaim = (recipient: string, budget: 'mail-recipient' | 'notice') =>
    accountClaim(accountOf({ kind: 'email', value: recipient }), budget);
  const mailsTo = (recipient: string) =>
    ofCaller(() => [recipientClaim(recipient, 'mail-recipient')]);

  /** Work costs attempts, unless it is refused because too much is going on. */
  const spendOn = <Result>(claims: readonly Claim[], work: () => Promise<Result>) =>
    attempt(
      claims,
      work,
      async (failure) => failure instanceof Problem && failure.code === 'OVERLOADED',
    );

  const mayStill = (spent: Promise<void>): Promise<boolean> =>
    spent.then(
      () => true,
      (error: unknown) => {
        if (error instanceof Problem && error.code === 'THROTTLED') return false;
        throw error;
      },
    );

  return {
    provePassword: (account, proof) =>
      prove(
        // The network first: what it has used up leaves no trace at the account.
        ofCaller((network) => [
          { budget: 'network', key: network },
          pairClaim(account, network),
          accountClaim(account),
        ]),
        proof,
      ),
    proveCode: (wasReal, proof) =>
      prove(
        ofCaller((network) => [{ budget: 'code', key: network }]),
        proof,
        wasReal,
      ),
    spendCode: () => spend(ofCaller((network) => [{ budget: 'code', key: network }])),
    // The network first: it pays for a recipient who has had enough, too.
    spendMail: (recipient, work) =>
      spendOn(mailsOfNetwork(), () => spendOn(mailsTo(recipient), work)),
    async maySendMail(recipient) {
      await spend(mailsOfNetwork());
      return mayStill(spend(mailsTo(recipient)));
    },
    maySendNotice: (recipient) => mayStill(spend([recipientClaim(recipient, 'notice')])),
    async forgive(account) {
      const pair = ofCaller((network) => [pairClaim(account, network)]);
      await budgets?.reset([accountClaim(account), ...pair]);
    },
    bucketsOf({ account, network }) {
      if (account !== undefined && network !== undefined) {
        return [pairClaim(account, network)];
      }
      const of = (names: readonly BudgetName[], key: string | undefined): readonly Claim[] =>
        key === undefined ? [] : names.map((budget) => ({ budget, key }));
      return [
        ...of(['account', 'mail-recipient', 'notice'], account && digestOf(account)),
        ...of(['network', 'code', 'mail-network'], network),
      ];
    },
    tasks: { [pruneTask]: async () => budgets?.prune() },
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
