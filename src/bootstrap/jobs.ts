/** Wires the job queue: its pool, the tasks of the features, and the delivery of mails. */
import type { Pool } from 'pg';
import type { DatabaseConnection } from '../config/database-url.ts';
import { openPool } from '../database/pool.ts';
import type { DatabaseTimeouts } from '../database/timeouts.ts';
import type { UnitOfWork } from '../database/transaction.ts';
import type { Tasks } from '../jobs/tasks.ts';
import type { JobDeps } from '../jobs/worker.ts';
import type { Mailer } from '../mail/mailer.ts';
import { mailTasks, resumeSchedule } from '../mail/outbox.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Services } from './service-groups.ts';

/** One connection listens, one holds the lease, the others run jobs. */
const poolSize = 8;

export interface JobsOptions {
  /** Leads to the database without a pooler. */
  readonly direct: DatabaseConnection;
  readonly timeouts: DatabaseTimeouts;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly unitOfWork: UnitOfWork;
  readonly mailer: Mailer;
  readonly services: Pick<Services, 'composeMail' | 'tasks' | 'schedules'>;
  /** Receives the pool of the jobs. */
  readonly onPool: (pool: Pool) => void;
  /** Closes the pool again. */
  readonly opened: AsyncDisposableStack;
}

/** Opens the pool of the job queue. Jobs run once a worker starts. */
export function createJobs(options: JobsOptions): JobDeps {
  const { direct, timeouts, log, metrics, unitOfWork, mailer, services, opened } = options;
  const pool = openPool({ database: direct, name: 'jobs', max: poolSize, timeouts, log });
  opened.defer(() => pool.end());
  options.onPool(pool);
  const sendMails = mailTasks({ mailer, compose: services.composeMail, unitOfWork });
  return {
    pool,
    log,
    metrics,
    tasks: withEntityManagers(unitOfWork, [sendMails, ...services.tasks]),
    schedule: [resumeSchedule, ...services.schedules].join('\n'),
  };
}

/** Runs each job with an entity manager of its own. */
function withEntityManagers(unitOfWork: UnitOfWork, tasks: readonly Tasks[]): Tasks {
  const all = tasks.flatMap((some) => Object.entries(some));
  return Object.fromEntries(
    all.map(([name, task]) => [
      name,
      (payload, job) => unitOfWork.withEntityManager(() => task(payload, job)),
    ]),
  );
}
