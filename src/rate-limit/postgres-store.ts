/** Rate limit buckets in PostgreSQL. Each change is one statement with the clock of the database. */
import type { DatabaseConnection } from '../config/database-url.ts';
import { openPool } from '../database/pool.ts';
import type { DatabaseTimeouts } from '../database/timeouts.ts';
import type { Log } from '../observability/log.ts';
import { type BucketState, inKeyOrder, type RateLimitStore } from './store.ts';

export interface PostgresStoreOptions {
  readonly database: DatabaseConnection;
  /** Whether connections go through a pooler, which may not support prepared statements. */
  readonly isPooled: boolean;
  readonly timeouts: DatabaseTimeouts;
  readonly log: Log;
}

interface StateRow {
  readonly key: string;
  readonly used: number;
  readonly left_ms: string;
}

interface ConsumeRow {
  readonly refused: string | null;
  readonly retry_after_ms: string;
}

const maxConnections = 4;
/** Rows that one statement of `prune` deletes, far within the timeout of a statement. */
const pruneRows = 5_000;

const consumeSql = 'select refused, retry_after_ms from consume_rate_limits($1, $2, $3)';
const refundSql = `
  with quick as materialized (select set_config('synchronous_commit', 'off', true)),
  locked as (
    select key from rate_limit_buckets b, quick
    where key = any($1) and ends_at > now() order by key for update of b
  )
  update rate_limit_buckets b set used = greatest(b.used - 1, 0) from locked where b.key = locked.key`;
const stateColumns = `key, used, ceil(extract(epoch from ends_at - now()) * 1000) as left_ms`;
const readSql = `
  select ${stateColumns} from rate_limit_buckets where key = any($1) and used > 0 and ends_at > now()`;
const prefixSql = `
  select key from rate_limit_buckets where starts_with(key, $1) and used > 0 and ends_at > now() order by key`;
const fullestSql = `
  select ${stateColumns} from rate_limit_buckets
  where used > 0 and ends_at > now() order by used desc limit $1`;
const deleteSql = (condition: string, locking = 'for update') => `
  delete from rate_limit_buckets
  where key in (select key from rate_limit_buckets where ${condition} order by key ${locking})`;
const resetSql = deleteSql('key = any($1)');
const clearSql = deleteSql('true');
const pruneSql = deleteSql('ends_at <= now()', `limit ${pruneRows} for update skip locked`);

export function createPostgresStore(options: PostgresStoreOptions): RateLimitStore {
  const pool = openPool({ ...options, name: 'rate-limits', max: maxConnections });

  /** A pooler may send each statement to another connection, where it is not prepared. */
  const query = async <Row extends object>(name: string, text: string, values: unknown[]) => {
    const statement = options.isPooled ? { text, values } : { name, text, values };
    return (await pool.query<Row>(statement)).rows;
  };

  const read: RateLimitStore['read'] = async (keys) =>
    (await query<StateRow>('read-rate-limits', readSql, [keys])).map(stateOf);

  return {
    async consume(requests) {
      const ordered = inKeyOrder(requests);
      const keys = ordered.map(({ key }) => key);
      const [row] = await query<ConsumeRow>('consume-rate-limits', consumeSql, [
        keys,
        ordered.map(({ points }) => points),
        ordered.map(({ seconds }) => seconds),
      ]);
      if (!row) throw new Error('consume_rate_limits returned no row');
      if (row.refused !== null) {
        return { refusal: { key: row.refused, retryAfterMs: Number(row.retry_after_ms) } };
      }
      return {
        async refund() {
          await query('refund-rate-limits', refundSql, [keys]);
        },
      };
    },
    async reset(keys) {
      await query('reset-rate-limits', resetSql, [keys]);
    },
    read,
    inspect: read,
    keysWithPrefix: async (prefix) =>
      (await pool.query<Pick<StateRow, 'key'>>(prefixSql, [prefix])).rows.map(({ key }) => key),
    fullest: async (limit) => (await pool.query<StateRow>(fullestSql, [limit])).rows.map(stateOf),
    clear: async () => (await pool.query(clearSql)).rowCount ?? 0,
    async prune() {
      while ((await pool.query(pruneSql)).rowCount === pruneRows);
    },
    close: () => pool.end(),
  };
}

function stateOf({ key, used, left_ms: leftMs }: StateRow): BucketState {
  return { key, used, endsAt: new Date(Date.now() + Number(leftMs)) };
}
