/**
 * Transactions and contexts. Services hold the one global EntityManager; which fork and which
 * transaction it stands for is decided here, at the edges.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { TransactionPropagation } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { ChangeFeed } from './change-feed.ts';
import type { Orm } from './orm.ts';
import { withEntityManager } from './orm.ts';

export interface UnitOfWork {
  /** The EntityManager of the context and transaction at hand. */
  readonly em: EntityManager;
  /** Opens a context with an identity map of its own; needed at every edge. */
  withEntityManager<Result>(work: () => Promise<Result>): Promise<Result>;
  /** The same for callers that go on in a callback. */
  enterContext(next: () => void): void;
  /**
   * One transaction, joined when there is one already. No hashing, mail or HTTP inside. Everything
   * that changes something goes through here: when it returns, this process has forgotten what it
   * kept of the rows that changed.
   */
  transaction<Result>(work: () => Promise<Result>): Promise<Result>;
  /**
   * The value that the transaction at hand keeps under `key`, made by `create` when there is none yet.
   * Needs a transaction.
   */
  ofTransaction<Value extends object>(key: object, create: () => Value): Value;
  /** Calls back once the transaction at hand has been committed, or at once where there is none. */
  afterCommit(callback: () => void): void;
  /** Plain SQL in the current transaction. Times are `Date`, an array is one parameter: `any(?::uuid[])`. */
  query<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
  /** Waits for the lock called `name`, held until the transaction ends. Needs a transaction. */
  lock(name: string): Promise<void>;
}

/** What belongs to one transaction in this process, and ends with it. */
interface TransactionState {
  readonly callbacks: (() => void)[];
  readonly values: Map<object, object>;
}

export function createUnitOfWork(
  orm: Orm,
  changeFeed?: Pick<ChangeFeed, 'waitUntilDelivered'>,
): UnitOfWork {
  const { em } = orm;
  const states = new AsyncLocalStorage<TransactionState>();
  const query: UnitOfWork['query'] = (sql, parameters = []) =>
    em.getConnection().execute(sql, [...parameters], 'all', em.getTransactionContext());
  return {
    em,
    withEntityManager: (work) => withEntityManager(em, work),
    enterContext: (next) => withEntityManager(em, next),
    async transaction(work) {
      const transaction = () =>
        em.transactional(() => work(), { propagation: TransactionPropagation.REQUIRED });
      if (em.isInTransaction()) return transaction();
      const state: TransactionState = { callbacks: [], values: new Map() };
      const result = await states.run(state, transaction);
      for (const callback of state.callbacks) callback();
      await changeFeed?.waitUntilDelivered();
      return result;
    },
    ofTransaction<Value extends object>(key: object, create: () => Value) {
      const values = em.isInTransaction() ? states.getStore()?.values : undefined;
      if (!values) throw new Error('a value of a transaction needs a transaction');
      const value = (values.get(key) as Value | undefined) ?? create(); // put there by this function
      values.set(key, value);
      return value;
    },
    afterCommit(callback) {
      const state = em.isInTransaction() ? states.getStore() : undefined;
      if (state) state.callbacks.push(callback);
      else callback();
    },
    query,
    async lock(name) {
      if (!em.isInTransaction()) throw new Error(`lock ${name} needs a transaction`);
      await query('select pg_advisory_xact_lock(hashtextextended(?, 0))', [name]);
    },
  };
}
