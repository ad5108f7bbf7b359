/** The state after an experiment: the accounts, sessions and jobs in the database, and the received mails. */
import type { ReceivedMail } from '../../../support/mail-server.ts';

export interface AccountRow {
  readonly email: string;
  readonly status: string;
  readonly first_name: string;
}

export interface SessionRow {
  readonly id: string;
  readonly email: string;
  readonly refresh_counter: number;
  readonly end_reason: string | null;
}

export interface Aftermath {
  readonly accounts: ReadonlyMap<string, AccountRow>;
  readonly sessions: ReadonlyMap<string, SessionRow>;
  /** Jobs that requests enqueued and that are not done yet; without periodic jobs. */
  readonly waitingJobs: number;
  readonly mails: readonly ReceivedMail[];
}

export type Query = <Row extends object>(sql: string) => Promise<Row[]>;

export async function readAftermath(
  query: Query,
  mails: readonly ReceivedMail[],
): Promise<Aftermath> {
  // A registration becomes an account when its address is verified.
  const accounts = await query<AccountRow>(
    `select email, 'PENDING' as status, first_name from registrations
     union all select email, status, first_name from users`,
  );
  const sessions = await query<SessionRow>(
    `select s.id, u.email, s.refresh_counter, s.end_reason
     from sessions s join users u on u.id = s.user_id`,
  );
  const [jobs] = await query<{ waiting: number }>(
    `select count(*)::int as waiting from graphile_worker._private_jobs
     where payload -> '_cron' is null`,
  );
  return {
    accounts: new Map(accounts.map((row) => [row.email, row])),
    sessions: new Map(sessions.map((row) => [row.id, row])),
    waitingJobs: jobs?.waiting ?? 0,
    mails,
  };
}
