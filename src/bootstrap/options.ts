/** The options of an application context. */
import type { Config } from '../config/config.ts';
import type { Clock } from '../core/time.ts';
import type { DatabaseTimeouts } from '../database/timeouts.ts';
import type { Log } from '../observability/log.ts';

/**
 * `serve` migrates, and creates a missing embedded database and missing keys. `migrate` only migrates.
 * `change` and `read` fail when the schema is not the schema of this release. `read` writes nothing.
 */
export type Purpose = 'serve' | 'migrate' | 'change' | 'read';

export interface AppContextOptions {
  readonly config: Config;
  readonly log: Log;
  /** Default: the clock of the database. */
  readonly clock?: Clock;
  /** Milliseconds without an answer of the SMTP server before a delivery fails. */
  readonly smtpTimeoutMs?: number;
  /** Default: the timeouts of a server. */
  readonly timeouts?: DatabaseTimeouts;
  /** How long the computation of a password hash may wait for a thread. Default: as long as in a request. */
  readonly hashWaitMilliseconds?: number;
  /** Default: `serve`. */
  readonly purpose?: Purpose;
}
