/** All timeouts of database connections and statements. */

export interface DatabaseTimeouts {
  /** For a connection from the pool, free or new. */
  readonly connectMilliseconds: number;
  /** PostgreSQL's `lock_timeout`. */
  readonly lockMilliseconds: number;
  /** PostgreSQL's `statement_timeout`. It does not count the time that a COMMIT waits for a replica. */
  readonly statementMilliseconds: number;
  /** PostgreSQL's `idle_in_transaction_session_timeout`; it releases the locks of a frozen process. */
  readonly idleInTransactionMilliseconds: number;
  /** The client closes a connection without an answer for this long: the server is frozen or unreachable. */
  readonly silenceMilliseconds: number;
}

/** For the server, whose requests have a timeout of 4.5 seconds. */
export const serverTimeouts: DatabaseTimeouts = {
  connectMilliseconds: 4_000,
  lockMilliseconds: 3_000,
  statementMilliseconds: 4_000,
  idleInTransactionMilliseconds: 5_000,
  silenceMilliseconds: 5_000,
};

/** For commands, which may work on large tables. */
export const commandTimeouts: DatabaseTimeouts = {
  connectMilliseconds: 4_000,
  lockMilliseconds: 15_000,
  statementMilliseconds: 120_000,
  idleInTransactionMilliseconds: 60_000,
  silenceMilliseconds: 130_000,
};
