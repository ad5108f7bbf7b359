/**
 * Statements of one transaction that are asked for together, as by `Promise.all`, are sent together, in
 * the order in which they were asked for: the last does not wait for the answer of the first. Kysely
 * (0.29) lets a transaction have one statement under way.
 */
import type { Transaction } from '@mikro-orm/core';
import { type CompiledQuery, ControlledTransaction, type Kysely, type QueryResult } from 'kysely';

type Answer = QueryResult<unknown>;

interface Asked {
  readonly statement: CompiledQuery;
  readonly answer: PromiseWithResolvers<Answer>;
}

/** What was asked for in this turn. */
const asked = new WeakMap<Transaction<Kysely<unknown>>, Asked[]>();

/** Needs connections that take a statement before the one before it is answered. */
export function sendTogether(
  transaction: Transaction<Kysely<unknown>>,
  statement: CompiledQuery,
): Promise<Answer> {
  const answer = Promise.withResolvers<Answer>();
  const waiting = asked.get(transaction);
  if (waiting) waiting.push({ statement, answer });
  else {
    const all: Asked[] = [{ statement, answer }];
    asked.set(transaction, all);
    queueMicrotask(() => {
      asked.delete(transaction);
      sendAll(transaction, all).catch((error: unknown) => {
        for (const each of all) each.answer.reject(error);
      });
    });
  }
  return answer.promise;
}

function sendAll(transaction: Kysely<unknown>, all: readonly Asked[]): Promise<void> {
  return transaction.getExecutor().provideConnection(async (connection) => {
    // Kysely looks only where statements are executed one by one; the connection may be somebody else's now.
    if (transaction instanceof ControlledTransaction && hasEnded(transaction)) {
      throw new Error('the transaction has ended');
    }
    const answered = all.map(({ statement, answer }) =>
      connection.executeQuery<unknown>(statement).then(answer.resolve, answer.reject),
    );
    await Promise.all(answered);
  });
}

function hasEnded({ isCommitted, isRolledBack }: ControlledTransaction<unknown>): boolean {
  return isCommitted || isRolledBack;
}
