/**
 * How often something may be tried before it has to wait: the table of budgets, and the words of
 * ATTEMPT_BUDGETS that change it. Knows nothing of where the attempts are counted.
 */

/** So many attempts within so many seconds, counted from the first one. */
export interface Budget {
  readonly points: number;
  readonly seconds: number;
}

const defaults = {
  /** Failed passwords from one network (an IPv4 address, an IPv6 /64), whomever they are for. */
  network: { points: 200, seconds: 600 },
  /** Failed passwords for one account from one network. */
  'account-network': { points: 10, seconds: 600 },
  /** Failed passwords for one account, wherever they come from; one network alone never gets there. */
  account: { points: 100, seconds: 3600 },
  /** Codes and tokens from one network that there never were, and looks at whether one is good. */
  code: { points: 200, seconds: 600 },
  /** Requests from one network that make us write a mail. */
  'mail-network': { points: 500, seconds: 3600 },
  /** Mails that strangers make us write to one address. */
  'mail-recipient': { points: 30, seconds: 3600 },
  /** Of these, notices that somebody tried to register the address. */
  notice: { points: 3, seconds: 3600 },
} as const satisfies Record<string, Budget>;

export type BudgetName = keyof typeof defaults;
export type BudgetTable = Readonly<Record<BudgetName, Budget>>;

export const budgetNames = Object.keys(defaults) as readonly BudgetName[]; // keys of a literal
export const defaultBudgets: BudgetTable = defaults;

const override = /^([a-z-]+)=([1-9]\d{0,6})\/([1-9]\d{0,6})$/;

/**
 * The table that a value of ATTEMPT_BUDGETS means: `on`, or changes to it such as
 * `account=50/3600,code=200/600`. Nothing for `off`.
 *
 * @throws RangeError saying what may stand there
 */
export function parseBudgets(text: string): BudgetTable | undefined {
  if (text === 'off') return undefined;
  if (text === 'on') return defaultBudgets;
  const changes = text.split(',').map((word) => {
    const [, name = '', points, seconds] = override.exec(word.trim()) ?? [];
    if (!isBudgetName(name)) {
      throw new RangeError(
        `must be on, off, or changes such as account=50/3600, of ${budgetNames.join(', ')}`,
      );
    }
    return [name, { points: Number(points), seconds: Number(seconds) }] as const;
  });
  return { ...defaultBudgets, ...Object.fromEntries(changes) };
}

function isBudgetName(name: string): name is BudgetName {
  return Object.hasOwn(defaults, name);
}
