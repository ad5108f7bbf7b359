/**
 * Attempt budgets: reserved before the work that they limit, given back when it was no failure. What
 * is under way counts as failed until it is known, so that no burst gets past the limit; and so that
 * right attempts in parallel are not refused, one that finds the rest of a budget under way waits.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import type { BudgetName, BudgetTable } from '../core/attempt-budgets.ts';
import { budgetNames } from '../core/attempt-budgets.ts';
import { Problem } from '../core/errors.ts';
import type { Bucket, BudgetStore } from './budget-store.ts';
import { createUnderWay } from './under-way.ts';

/** One bucket of a budget. The key is no secret and no person: a digest, or a network. */
export interface Claim {
  readonly budget: BudgetName;
  readonly key: string;
}

export interface Reservation {
  /** Gives the attempt back; where it cannot be, it stays spent. */
  refund(): Promise<void>;
  /** Leaves it spent. */
  keep(): void;
}

export interface Budgets {
  /**
   * Takes one attempt of each bucket, or of none. While the first is known to have none, the others are
   * not looked at: what it refuses leaves no trace in them.
   *
   * @throws THROTTLED with the seconds after which there is one again
   */
  reserve(claims: readonly Claim[]): Promise<Reservation>;
  /** Empties buckets. */
  reset(claims: readonly Claim[]): Promise<void>;
  /** What is left in a bucket, and when it is full again; nothing when it is. */
  look(claim: Claim): Promise<{ readonly left: number; readonly fullAt: Date } | undefined>;
  fullest(limit: number): Promise<Bucket[]>;
  clear(): Promise<number>;
  prune(): Promise<void>;
  close(): Promise<void>;
}

/** Attempts under way in other processes are not seen: the bucket is asked so often, so far apart. */
const polls = 25;
const pollMilliseconds = 100;
/** Nobody waits longer than this, in milliseconds, for something under way to end. */
const patience = 5000;
/** So many that are used up are remembered, the last ones. */
const rememberedBuckets = 10_000;
/** As many as half a bucket, but at least these, wait for what is under way of it. */
const leastWaiting = 20;

export function createBudgets(
  store: BudgetStore,
  table: BudgetTable,
  onRefused: (budget: BudgetName) => void = () => undefined,
): Budgets {
  const limiters = new Map<BudgetName, RateLimiterAbstract>(
    budgetNames.map((name) => [name, store.limiterOf(name, table[name])]),
  );
  const underWay = createUnderWay();
  const usedUp = new LRUCache<string, true>({ max: rememberedBuckets });

  const limiterOf = ({ budget }: Claim): RateLimiterAbstract => {
    const limiter = limiters.get(budget);
    if (!limiter) throw new Error(`there is no budget ${budget}`);
    return limiter;
  };

  const giveBack = async (claim: Claim): Promise<void> => {
    const limiter = limiterOf(claim);
    const { consumedPoints } = await limiter.reward(claim.key);
    // Its time was over meanwhile: the new one must not begin with an attempt too many.
    if (consumedPoints < 0) await limiter.penalty(claim.key, -consumedPoints);
  };

  const consume = async (claim: Claim): Promise<number | undefined> => {
    try {
      await limiterOf(claim).consume(claim.key);
      return undefined;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      await giveBack(claim); // a refused attempt was none
      return Math.max(1, refusal.msBeforeNext);
    }
  };

  /** Takes one, or answers how long there will be none: in milliseconds, at least one. */
  const take = async (claim: Claim): Promise<number | undefined> => {
    const id = idOf(claim);
    underWay.begin(id); // before it is: others may be refused because of it
    let isTaken = false;
    try {
      const refused = await consume(claim);
      isTaken = refused === undefined;
      return refused;
    } finally {
      if (!isTaken) underWay.end(id);
    }
  };

  /** Waits while some of the bucket is under way; the verdict is the same for all who wait. */
  const takeInTurn = async (claim: Claim): Promise<number | undefined> => {
    for (let poll = 0; ; ) {
      const refused = await take(claim);
      if (refused === undefined) return undefined;
      if (underWay.count(idOf(claim)) > 0) {
        if (!(await underWay.hasChanged(idOf(claim), patience))) return 1000;
        poll = 0;
      } else if (poll++ < polls) {
        await sleep(pollMilliseconds);
      } else {
        return refused;
      }
    }
  };

  const acquired = async (claim: Claim): Promise<Claim> => {
    const id = idOf(claim);
    let refused = await take(claim);
    const isInUse = underWay.count(id) > 0 || underWay.waiting(id) > 0;
    if (refused !== undefined && isInUse) {
      const room = Math.max(leastWaiting, table[claim.budget].points / 2);
      if (underWay.waiting(id) >= room) refused = 1000;
      else refused = await underWay.inTurn(id, () => takeInTurn(claim));
    }
    if (refused !== undefined) {
      usedUp.set(id, true, { ttl: refused });
      onRefused(claim.budget);
      throw new Problem('THROTTLED', { retryAfterSeconds: Math.ceil(refused / 1000) });
    }
    return claim;
  };

  const release = async (claim: Claim, isRefunded: boolean): Promise<void> => {
    try {
      if (isRefunded) await giveBack(claim);
    } finally {
      underWay.end(idOf(claim));
    }
  };

  const refund = async (claims: readonly Claim[]): Promise<void> => {
    await Promise.allSettled(claims.map((claim) => release(claim, true)));
  };

  /** Takes one of each at once, without waiting, or of none. @throws what kept it from being known */
  const takeAll = async (claims: readonly Claim[]): Promise<boolean> => {
    const outcomes = await Promise.allSettled(claims.map(take));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    const taken = claims.filter((_, index) => {
      const outcome = outcomes[index];
      return outcome?.status === 'fulfilled' && outcome.value === undefined;
    });
    const isAll = taken.length === claims.length;
    if (!isAll) await refund(taken);
    if (failed) throw failed.reason;
    return isAll;
  };

  return {
    async reserve(claims) {
      const taken: Claim[] = [];
      try {
        const [first] = claims;
        const mayBeThere = first === undefined || !usedUp.has(idOf(first));
        if (mayBeThere && (await takeAll(claims))) taken.push(...claims);
        else for (const claim of claims) taken.push(await acquired(claim));
      } catch (error) {
        await refund(taken);
        throw error;
      }
      return {
        refund: () => refund(taken),
        keep: () => {
          for (const claim of taken) void release(claim, false);
        },
      };
    },
    async reset(claims) {
      await Promise.all(claims.map((claim) => limiterOf(claim).delete(claim.key)));
    },
    async look(claim) {
      const bucket = await limiterOf(claim).get(claim.key);
      if (bucket === null || bucket.consumedPoints <= 0) return undefined;
      return {
        left: bucket.remainingPoints,
        fullAt: new Date(Date.now() + bucket.msBeforeNext),
      };
    },
    fullest: (limit) => store.fullest(limit),
    clear: () => store.clear(),
    prune: () => store.prune(),
    close: () => store.close(),
  };
}

function idOf({ budget, key }: Claim): string {
  return `${budget}:${key}`;
}
