/**
 * One statement for many changes of attempt budgets. rate-limiter-flexible sends one for each bucket,
 * and a login takes of three and gives back to three. Here those that are asked for while another
 * statement is under way are sent together after it, each with the answer that it would have had
 * alone; and what is over is decided by the database's time, not by that of the process.
 */
import type { Pool } from 'pg';

/** As rate-limiter-flexible asks it. */
interface Question {
  readonly name?: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** As it expects to be answered; `expire` in milliseconds of the process's clock. */
interface Answer {
  readonly rows: readonly { readonly points: number; readonly expire: number }[];
  readonly rowCount: number | null;
}

interface Change {
  readonly key: string;
  readonly points: number;
  /** Milliseconds that the bucket lasts if it begins with this. */
  readonly duration: number;
  readonly answered: PromiseWithResolvers<Answer>;
}

interface BucketRow {
  readonly key: string;
  readonly points: number;
  /** Milliseconds. */
  readonly left: string;
}

export const budgetTable = 'attempt_budgets';
/** SQL: the time by which buckets are over, the database's, in milliseconds. */
export const budgetTime = '(extract(epoch from now()) * 1000)::bigint';
const mostAtOnce = 500;

// Rows in the order of their keys: two processes that change the same ones never wait in a circle.
const changeSql = `
  insert into ${budgetTable} as kept (key, points, expire)
  select key, points, ${budgetTime} + duration
  from unnest($1::text[], $2::int[], $3::bigint[]) as asked (key, points, duration) order by key
  on conflict (key) do update set
    points = case when kept.expire <= ${budgetTime} then excluded.points else kept.points + excluded.points end,
    expire = case when kept.expire <= ${budgetTime} then excluded.expire else kept.expire end
  returning key, points, expire - ${budgetTime} as left`;
const lookSql = `
  select key, points, expire - ${budgetTime} as left from ${budgetTable} where key = $1 and expire > ${budgetTime}`;

/**
 * What rate-limiter-flexible is given as its pool.
 *
 * @param isPooled whether a pooler stands before the database, which may not know prepared statements
 */
export function createBatchingClient(pool: Pool, isPooled: boolean) {
  let waiting: Change[] = [];
  let isSending = false;

  const ask = async (name: string, text: string, values: unknown[]): Promise<BucketRow[]> => {
    const statement = isPooled
      ? { text, values }
      : { name: `${budgetTable}:${name}`, text, values };
    return (await pool.query<BucketRow>(statement)).rows;
  };

  const send = async (changes: readonly Change[]): Promise<void> => {
    const byKey = [...Map.groupBy(changes, ({ key }) => key)];
    try {
      const rows = await ask('change', changeSql, [
        byKey.map(([key]) => key),
        byKey.map(([, of]) => sumOf(of)),
        byKey.map(([, [first]]) => first?.duration),
      ]);
      const found = new Map(rows.map((row) => [row.key, row]));
      for (const [key, of] of byKey) answerEach(of, found.get(key));
    } catch (error) {
      for (const { answered } of changes) answered.reject(error);
    }
  };

  const sendAll = async (): Promise<void> => {
    isSending = true;
    await undefined; // what is asked for in the same breath goes along
    while (waiting.length > 0) {
      const changes = waiting.slice(0, mostAtOnce);
      waiting = waiting.slice(mostAtOnce);
      await send(changes);
    }
    isSending = false;
  };

  const change = (key: string, points: number, duration: number): Promise<Answer> => {
    const answered = Promise.withResolvers<Answer>();
    waiting.push({ key, points, duration, answered });
    if (!isSending) void sendAll();
    return answered.promise;
  };

  return {
    query({ name = '', text, values }: Question): Promise<Answer> {
      const [key, ...others] = values as [string, ...number[]]; // of the two statements known here
      if (name.endsWith(':rlflx-upsert')) {
        const [points = 0, expire = 0, askedAt = 0] = others;
        return change(key, points, expire - askedAt);
      }
      if (name.endsWith(':rlflx-get')) return ask('look', lookSql, [key]).then(toAnswer);
      return pool.query({ text, values: [...values] });
    },
  };
}

function sumOf(changes: readonly Change[]): number {
  return changes.reduce((sum, { points }) => sum + points, 0);
}

/** Tells each what the bucket held after its own change, as if they had come one after the other. */
function answerEach(changes: readonly Change[], row: BucketRow | undefined): void {
  if (!row) throw new Error('a budget was not changed');
  let points = row.points - sumOf(changes);
  for (const { points: added, answered } of changes) {
    points += added;
    answered.resolve(toAnswer([{ ...row, points }]));
  }
}

function toAnswer(rows: readonly BucketRow[]): Answer {
  const at = Date.now();
  return {
    rows: rows.map(({ points, left }) => ({ points, expire: at + Number(left) })),
    rowCount: rows.length,
  };
}
