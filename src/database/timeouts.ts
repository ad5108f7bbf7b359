/** How long each part of a conversation with the database may take: the one table of such figures. */

export interface DatabaseTimeouts {
  /** Until there is a connection: a free one, or a new one. */
  readonly connectMilliseconds: number;
  /** PostgreSQL's `lock_timeout`. */
  readonly lockMilliseconds: number;
  /** PostgreSQL's `statement_timeout`. It does not count the time that a COMMIT waits for a replica. */
  readonly statementMilliseconds: number;
  /** PostgreSQL's `idle_in_transaction_session_timeout`: a frozen process holds its locks no longer. */
  readonly idleInTransactionMilliseconds: number;
  /** Without an answer; then the connection is closed, as the server is frozen or out of reach. */
  readonly silenceMilliseconds: number;
}

/** Of a process that serves: whoever asked has an answer by then, so nothing waits much longer. */
export const serverTimeouts: DatabaseTimeouts = {
  connectMilliseconds: 4_000,
  lockMilliseconds: 3_000,
  statementMilliseconds: 4_000,
  idleInTransactionMilliseconds: 5_000,
  silenceMilliseconds: 5_000,
};

/** Of a command: nobody waits but its operator, and a table may be large. */
export const commandTimeouts: DatabaseTimeouts = {
  connectMilliseconds: 4_000,
  lockMilliseconds: 15_000,
  statementMilliseconds: 120_000,
  idleInTransactionMilliseconds: 60_000,
  silenceMilliseconds: 130_000,
};
