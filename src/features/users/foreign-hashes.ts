/**
 * Samples the password hashes that came from other systems, so that the hasher knows their cost before somebody tries a
 * password. It passes them to the hasher and to nothing else.
 */
import { withTimeout } from '../../core/timeout.ts';
import type { PasswordHasher } from '../../crypto/password/hasher.ts';
import type { ChangeFeed } from '../../database/change-feed.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import type { Log } from '../../observability/log.ts';

export interface ForeignHashes {
  /** Takes samples until `stop`, also after an import. Resolves when the first one is measured, or after a few seconds. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const intervalMs = 600_000;
/** After a failure, for example while the hash queue is full. */
const retryMs = 5000;
/** The start of the server waits no longer: each cost takes up to three seconds. */
const startTimeoutMs = 5000;

/**
 * The oldest and the newest accounts, because a system raises the cost of its hashes over the years. The condition is
 * that of the index `password_hashes_other_scheme_index`.
 */
const sampleStatement: Statement = {
  name: 'foreign-hashes',
  text: ['asc', 'desc']
    .map(
      (order) =>
        `(select password_hash as hash from password_hashes
          where left(password_hash, 10) <> '$argon2id$' order by user_id ${order} limit 500)`,
    )
    .join(' union '),
};

export function createForeignHashes(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'execute' | 'withEntityManager'>;
  readonly hasher: Pick<PasswordHasher, 'measureRejections'>;
  readonly changeFeed: Pick<ChangeFeed, 'onChange'>;
  readonly log: Log;
}): ForeignHashes {
  const { execute, withEntityManager } = deps.unitOfWork;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let retry: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  /** The sample that has not begun. */
  let waiting: Promise<void> | undefined;

  const measure = async (): Promise<void> => {
    waiting = undefined;
    if (stopping.signal.aborted) return;
    try {
      const rows = await withEntityManager(() => execute<{ hash: string }>(sampleStatement, []));
      const hashes = rows.map(({ hash }) => hash);
      await deps.hasher.measureRejections(hashes, stopping.signal);
    } catch (error) {
      if (stopping.signal.aborted) return;
      deps.log.warn({ err: error, component: 'users' }, 'foreign hashes not measured, retrying');
      clearTimeout(retry);
      retry = setTimeout(() => void next(), retryMs).unref();
    }
  };
  /** One at a time. A sample that has not begun includes the latest hashes. */
  const next = (): Promise<void> => {
    waiting ??= running.then(measure);
    running = waiting;
    return running;
  };

  return {
    async start() {
      timer = setInterval(() => void next(), intervalMs);
      timer.unref();
      deps.changeFeed.onChange((key) => {
        // `all` follows a lost connection, during which an import can have ended.
        if (key === 'foreign-hashes' || key === 'all') void next();
      });
      await withTimeout(startTimeoutMs, next(), undefined);
    },
    async stop() {
      clearInterval(timer);
      clearTimeout(retry);
      stopping.abort();
      await running;
    },
  };
}
