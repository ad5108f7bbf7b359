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
  /** Counts a mail to `recipient` that the caller makes us write. @throws THROTTLED */
  spendMail(recipient: string): Promise<void>;
  /** The same, but who has had many mails already is left alone silently: whether one may go out. */
  maySendMail(recipient: string): Promise<boolean>;
  /** Counts a notice that somebody tried to register the address: whether it may go out. */
  maySendNotice(recipient: string): Promise<boolean>;
  /** Whoever proved the account's address may try again at once. */
  forgive(account: string): Promise<void>;
  /** The buckets of an account, of a network, or of that account from that network. */
  bucketsOf(of: { readonly account?: string; readonly network?: string }): readonly Claim[];
}

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

  /** The network first: what it has used up leaves no trace at the account. */
  const passwordClaims = (account: string, network: string): readonly Claim[] => [
    { budget: 'network', key: network },
    { budget: 'account-network', key: `${digestOf(account)}:${network}` },
    { budget: 'account', key: digestOf(account) },
  ];

  /** Runs a proof on reserved attempts: only a failed proof costs them. */
  const prove = async <Result>(
    claims: readonly Claim[],
    proof: () => Promise<Result>,
    isExcused: () => Promise<boolean> = async () => false,
  ): Promise<Result> => {
    const reservation = await budgets?.reserve(claims);
    try {
      const result = await proof();
      await reservation?.refund();
      return result;
    } catch (error) {
      const isFailure = error instanceof Problem && failures.has(error.code);
      if (isFailure && !(await isExcused().catch(() => false))) reservation?.keep();
      else await reservation?.refund();
      throw error;
    }
  };

  const spend = async (claims: readonly Claim[]): Promise<void> => {
    (await budgets?.reserve(claims))?.keep();
  };

  const spendNetworkOfMail = (network: string) => spend([{ budget: 'mail-network', key: network }]);
  const spendRecipient = (budget: 'mail-recipient' | 'notice', recipient: string) => {
    const account = accountOf({ kind: 'email', value: recipient });
    return spend([{ budget, key: digestOf(account) }]);
  };
  const mayStill = (spent: Promise<void>): Promise<boolean> =>
    spent.then(
      () => true,
      (error: unknown) => {
        if (error instanceof Problem && error.code === 'THROTTLED') return false;
        throw error;
      },
    );

  return {
    async provePassword(account, proof) {
      const network = callersNetwork();
      return network === undefined ? proof() : prove(passwordClaims(account, network), proof);
    },
    async proveCode(wasReal, proof) {
      const network = callersNetwork();
      if (network === undefined) return proof();
      return prove([{ budget: 'code', key: network }], proof, wasReal);
    },
    async spendCode() {
      const network = callersNetwork();
      if (network !== undefined) await spend([{ budget: 'code', key: network }]);
    },
    async spendMail(recipient) {
      const network = callersNetwork();
      if (network === undefined) return;
      await spendNetworkOfMail(network);
      await spendRecipient('mail-recipient', recipient);
    },
    async maySendMail(recipient) {
      const network = callersNetwork();
      if (network === undefined) return true;
      await spendNetworkOfMail(network);
      return mayStill(spendRecipient('mail-recipient', recipient));
    },
    maySendNotice: (recipient) => mayStill(spendRecipient('notice', recipient)),
    async forgive(account) {
      await budgets?.reset([{ budget: 'account', key: digestOf(account) }]);
      const network = callersNetwork();
      if (network === undefined) return;
      await budgets?.reset([{ budget: 'account-network', key: `${digestOf(account)}:${network}` }]);
    },
    bucketsOf({ account, network }) {
      if (account !== undefined && network !== undefined) {
        return [{ budget: 'account-network', key: `${digestOf(account)}:${network}` }];
      }
      const of = (names: readonly BudgetName[], key: string | undefined): readonly Claim[] =>
        key === undefined ? [] : names.map((budget) => ({ budget, key }));
      return [
        ...of(['account', 'mail-recipient', 'notice'], account && digestOf(account)),
        ...of(['network', 'code', 'mail-network'], network),
      ];
    },
  };
}

/**
 * How an account is named where attempts on it are counted. A username and the address of the same
 * account count apart: together they would tell strangers that they belong together.
 */
export function accountOf(name: { kind: LoginName['kind']; value: string } | undefined): string {
  return name === undefined ? 'nobody' : `${name.kind}:${name.value.toLowerCase()}`;
}

/** Where the request comes from; nothing for the operator, who is not limited. */
function callersNetwork(): string | undefined {
  const address = currentContext()?.client.ipAddress;
  return address ? networkOf(address) : undefined;
}
