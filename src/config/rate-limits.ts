/**
 * The rate limits: their names, their default values, and the parser of RATE_LIMITS. The store of the
 * counters is in `src/rate-limit`.
 */

/** At most `points` attempts within `seconds`, counted from the first attempt. */
export interface Limit {
  readonly points: number;
  readonly seconds: number;
}

const defaults = {
  /** Failed passwords from one network (an IPv4 address, an IPv6 /64), for any account. */
  network: { points: 200, seconds: 600 },
  /** Failed passwords for one account from one network. */
  'account-network': { points: 10, seconds: 600 },
  /** Failed passwords for one account, from all networks without a recent login of the account. */
  account: { points: 100, seconds: 3600 },
  /** Unknown codes and tokens, and wrong short codes, from one network, and checks of the validity of a code. */
  code: { points: 200, seconds: 600 },
  /** Requests from one network that can cause a mail. */
  'mail-network': { points: 500, seconds: 3600 },
  /** Email changes of one account. */
  'email-change': { points: 5, seconds: 3600 },
  /** Registration mails to one address. */
  'mail-recipient': { points: 30, seconds: 3600 },
  /** Email change mails to one new address; registrations have their own limit. */
  'new-address': { points: 30, seconds: 3600 },
  /** Password reset mails to one address. */
  reset: { points: 3, seconds: 3600 },
  /** Notices to one address about an attempt to use it for another account. */
  notice: { points: 3, seconds: 3600 },
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof defaults;
export type Limits = Readonly<Record<LimitName, Limit>>;

export const limitNames = Object.keys(defaults) as readonly LimitName[]; // keys of a literal
export const defaultLimits: Limits = defaults;

const override = /^([a-z-]+)=([1-9]\d{0,6})\/([1-9]\d{0,6})$/;

/**
 * The limits that a value of RATE_LIMITS means: `on`, or changes to the defaults such as
 * `account=50/3600,code=200/600`. Undefined for `off`.
 *
 * @throws RangeError with the values that are allowed
 */
export function parseRateLimits(text: string): Limits | undefined {
  if (text === 'off') return undefined;
  if (text === 'on') return defaultLimits;
  const changes = text.split(',').map((word) => {
    const [, name = '', points, seconds] = override.exec(word.trim()) ?? [];
    if (!isLimitName(name)) {
      throw new RangeError(
        `must be on, off, or changes such as account=50/3600, of ${limitNames.join(', ')}`,
      );
    }
    return [name, { points: Number(points), seconds: Number(seconds) }] as const;
  });
  return { ...defaultLimits, ...Object.fromEntries(changes) };
}

function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(defaults, name);
}
