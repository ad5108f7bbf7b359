/**
 * Statements whose answer nobody needs: the begin of a transaction, and those marked here. They are
 * held back and sent in one go with the statement after them, the commit at the latest, and so cost no
 * round trip. What goes wrong with one of them goes wrong with that statement.
 */
import type { Client } from 'pg';
import { inPositions } from './prepared.ts';

type Query = (...parts: unknown[]) => Promise<unknown>;

const marked = new Set<string>();

/**
 * Marks a statement: within a transaction it counts as done at once, with an empty answer.
 *
 * @param sql with `?` where single values belong
 */
export function withTheNext(sql: string): string {
  marked.add(inPositions(sql));
  return sql;
}

const emptyAnswer = Promise.resolve({ command: '', rowCount: 0, rows: [] });

/** For a client that sends a statement before the one before it is answered. */
export function holdBack(client: Client): void {
  const query: Query = client.query.bind(client);
  let held: unknown[][] = [];
  /** Whether a transaction was asked for, and whether the server has heard of it. */
  let isInTransaction = false;
  let isBegun = false;

  const hold = (parts: unknown[]) => {
    held.push(parts);
    return emptyAnswer;
  };

  const sendWith = async (before: unknown[][], parts: unknown[]): Promise<unknown> => {
    const { stream } = client.connection;
    stream.cork();
    const sent = [...before, parts].map((each) => query(...each));
    stream.uncork();
    // A commit after a statement that failed is answered as if it were a rollback that was asked for.
    for (const answer of await Promise.allSettled(sent)) {
      if (answer.status === 'rejected') throw answer.reason;
    }
    return sent.at(-1);
  };

  const send = (parts: unknown[]) => {
    isBegun = isInTransaction;
    if (held.length === 0) return query(...parts);
    const before = held;
    held = [];
    return sendWith(before, parts);
  };

  /** Of a transaction that the server has never heard of it need not hear. */
  const end = (parts: unknown[]) => {
    const isAnythingToSend = isBegun || (parts[0] === 'commit' && held.length > 1);
    if (parts[0] === 'rollback' || !isAnythingToSend) held = [];
    const ended = isAnythingToSend ? send(parts) : emptyAnswer;
    isInTransaction = false;
    isBegun = false;
    return ended;
  };

  const holdingQuery: Query = (...parts) => {
    const [text] = parts;
    if (text === 'begin') {
      isInTransaction = true;
      return hold(parts);
    }
    if (!isInTransaction || typeof text !== 'string') return send(parts);
    if (text === 'commit' || text === 'rollback') return end(parts);
    return marked.has(text) ? hold(parts) : send(parts);
  };
  Object.assign(client, { query: holdingQuery });
}
