/** The positions of imports. A batch advances the position in its transaction, so each person is imported once. */
import { v7 as uuidv7 } from 'uuid';
import { Problem } from '../../../core/errors.ts';
import type { Clock } from '../../../core/time.ts';
import { announceForeignHashes } from '../../../database/change-feed.ts';
import type { UnitOfWork } from '../../../database/transaction.ts';
import { emptyTally, type Tally } from '../report.ts';
import type { OtherImport } from '../request.ts';

export interface ImportPosition {
  readonly id: string;
  /** The line or number of the last stored person; 0 at the beginning. */
  readonly position: number;
  readonly tally: Tally;
}

export interface BegunImport extends ImportPosition {
  /** Whether an earlier import was interrupted. */
  readonly isContinued: boolean;
}

export interface ImportPositions {
  /** The unfinished import of the same file with the same options, or a new one. */
  begin(digest: Buffer, options: string): Promise<BegunImport>;
  /** The other unfinished imports of the file that have stored people. */
  others(id: string, digest: Buffer): Promise<readonly OtherImport[]>;
  /**
   * Locks the import for a batch. Needs a transaction.
   *
   * @throws VALIDATION_FAILED when another process has advanced the position
   */
  lock(current: ImportPosition): Promise<void>;
  /** Stores the next position of a locked import, and announces the hashes of its batch. */
  advance(next: ImportPosition): Promise<void>;
  finish(last: ImportPosition): Promise<void>;
}

export function createImportPositions(deps: {
  readonly unitOfWork: Pick<UnitOfWork, 'query' | 'lock' | 'transaction'>;
  readonly clock: Clock;
}): ImportPositions {
  const { query, lock, transaction } = deps.unitOfWork;

  const store = ({ id, position, tally }: ImportPosition, finishedAt: Date | null) =>
    query(
      'update user_imports set position = ?, counts = ?::jsonb, updated_at = ?, finished_at = ? where id = ?',
      [position, JSON.stringify(tally), deps.clock(), finishedAt, id],
    );

  return {
    begin: (digest, options) =>
      transaction(async () => {
        const now = deps.clock();
        const inserted = await query(
          `insert into user_imports (id, digest, options, counts, started_at, updated_at)
           values (?, ?, ?, ?::jsonb, ?, ?)
           on conflict (digest, options) where finished_at is null do nothing returning id`,
          [uuidv7(), digest, options, JSON.stringify(emptyTally), now, now],
        );
        const [row] = await query<ImportPosition>(
          `select id, position, counts as tally from user_imports
           where digest = ? and options = ? and finished_at is null`,
          [digest, options],
        );
        return row ? { ...row, isContinued: inserted.length === 0 } : rejectParallel();
      }),

    async others(id, digest) {
      const rows = await query<{ position: number; options: string }>(
        `select position, options from user_imports
         where digest = ? and id <> ? and position > 0 and finished_at is null
         order by updated_at desc limit 3`,
        [digest, id],
      );
      return rows.map(({ position, options }) => ({ position, options: JSON.parse(options) }));
    },

    async lock({ id, position }) {
      // One batch at a time: the locks of its addresses and usernames need memory of the database.
      await lock('gatehouse:user-import');
      const rows = await query(
        'select 1 from user_imports where id = ? and position = ? and finished_at is null for update',
        [id, position],
      );
      if (rows.length === 0) rejectParallel();
    },

    async advance(next) {
      await store(next, null);
      await query(announceForeignHashes, []);
    },

    async finish(last) {
      await store(last, deps.clock());
    },
  };
}

function rejectParallel(): never {
  const message = 'Another process imports this file with the same options. This one has stopped.';
  throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'file', message }] });
}
