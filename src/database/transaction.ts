/**
 * Transactions and entity-manager contexts. Services use one global EntityManager, which resolves to the fork of the
 * current context and to its transaction.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { TransactionPropagation } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { ChangeFeed } from './change-feed.ts';
import { inStatementSpan } from './driver.ts';
import type { Orm } from './orm.ts';
import { withEntityManager } from './orm.ts';

/** A statement that PostgreSQL parses and plans once for each connection. */
export interface Statement {
  /** Unique among the statements of the service. */
  readonly name: string;
  /** With `$1`, `$2`, … in place of the values. */
  readonly text: string;
}

export interface UnitOfWork {
  /** Resolves to the current context and transaction. */
  readonly em: EntityManager;
  /** Opens a context with its own identity map. Every request, job and command needs one. */
  withEntityManager<Result>(work: () => Promise<Result>): Promise<Result>;
  /** The same for a caller that continues in a callback. */
  enterContext(next: () => void): void;
  /**
   * Runs `work` in a transaction; joins the current one. All changes except those of `execute` are made through this
   * function: when it returns, this process has removed the changed rows from its caches. No hashing, mail or HTTP
   * inside.
   */
  transaction<Result>(work: () => Promise<Result>): Promise<Result>;
  /**
   * The value of the current transaction under `key`, created by `create` at the first call. Needs a transaction.
   */
  memoizeInTransaction<Value extends object>(key: object, create: () => Value): Value;
  /** Calls back after the commit of the current transaction, or at once without a transaction. */
  afterCommit(callback: () => void): void;
  /** Plain SQL in the current transaction. Times are `Date`, an array is one parameter: `any(?::uuid[])`. */
  query<Row extends object>(sql: string, parameters?: readonly unknown[]): Promise<Row[]>;
  /**
   * Executes one statement on a connection of its own, for the reads and writes of frequent requests. A write commits
   * when the statement ends. Not inside a transaction.
   */
  execute<Row extends object>(statement: Statement, values: readonly unknown[]): Promise<Row[]>;
  /** Resolves when this process has removed the rows that `execute` changed from its caches. */
  waitUntilDelivered(): Promise<void>;
  /** Takes the advisory lock `name` until the end of the transaction. Needs a transaction. */
  lock(name: string): Promise<void>;
  /** The same for many names. */
  lockAll(names: readonly string[]): Promise<void>;
}

interface TransactionState {
  readonly callbacks: (() => void)[];
  readonly values: Map<object, object>;
}

export interface UnitOfWorkOptions {
  readonly changeFeed?: Pick<ChangeFeed, 'waitUntilDelivered'>;
  /** Whether a pooler may send each statement to another connection, where it is not prepared. */
  readonly isPooled?: boolean;
}

export function createUnitOfWork(
  orm: Orm,
  { changeFeed, isPooled = false }: UnitOfWorkOptions = {},
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
    memoizeInTransaction<Value extends object>(key: object, create: () => Value) {
      const values = em.isInTransaction() ? states.getStore()?.values : undefined;
      if (!values) throw new Error('memoizeInTransaction needs a transaction');
      const value = (values.get(key) as Value | undefined) ?? create(); // set by this function
      values.set(key, value);
      return value;
    },
    afterCommit(callback) {
      const state = em.isInTransaction() ? states.getStore() : undefined;
      if (state) state.callbacks.push(callback);
      else callback();
    },
    query,
    async execute<Row extends object>({ name, text }: Statement, values: readonly unknown[]) {
      if (em.isInTransaction()) throw new Error(`${name} does not belong to a transaction`);
      const pool = await orm.driver.getConnection().getNativeClient();
      const statement = { ...(isPooled ? {} : { name }), text, values: [...values] };
      return inStatementSpan(text, async () => (await pool.query<Row>(statement)).rows);
    },
    waitUntilDelivered: async () => changeFeed?.waitUntilDelivered(),
    async lock(name) {
      if (!em.isInTransaction()) throw new Error(`lock ${name} needs a transaction`);
      await query('select pg_advisory_xact_lock(hashtextextended(?, 0))', [name]);
    },
    async lockAll(names) {
      if (!em.isInTransaction()) throw new Error('locks need a transaction');
      // In one order, so that two transactions do not wait for each other.
      await query(
        `select pg_advisory_xact_lock(key) from (
           select distinct hashtextextended(name, 0) as key from unnest(?::text[]) name order by key
         ) keys`,
        [names],
      );
    },
  };
}
