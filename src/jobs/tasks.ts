/**
 * Jobs as the job queue runs them: what fails is kept with the job, behind those that never failed,
 * and what can never succeed is given up at once.
 */
import type { JobHelpers, TaskList } from 'graphile-worker';
import { errorForLog } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { traced } from '../observability/tracing.ts';

export type JobPayload = Readonly<Record<string, unknown>>;

/** What to do for one kind of job. */
export type Task = (payload: JobPayload, job: JobRun) => Promise<void>;

export interface JobRun {
  /** The same for every attempt at the same job. */
  readonly key: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

export type Tasks = Readonly<Record<string, Task>>;

/** Thrown by a task that would fail the same way again: the job is dead, and kept. */
export class PermanentFailure extends Error {
  constructor(reason: Error) {
    super(reason.message, { cause: reason });
    this.name = 'PermanentFailure';
  }
}

/** Thrown by a task whose jobs are to run again at once when the cause `code` is gone. */
export class TemporaryFailure extends Error {
  readonly code: string;

  constructor(code: string, reason: Error) {
    super(reason.message, { cause: reason });
    this.name = 'TemporaryFailure';
    this.code = code;
  }
}

/** Higher is later; jobs begin with 0. */
const priorityOfRetries = 10;

/** A job that failed runs after every job that never ran. Its flag is the code of a temporary failure. */
const failedSql = `
  update graphile_worker._private_jobs
  set priority = ${priorityOfRetries},
    max_attempts = case when $2 then attempts else max_attempts end,
    last_error = $3,
    flags = case when $4::text is null then null else jsonb_build_object($4::text, true) end
  where id = $1`;

/** What graphile-worker runs. A payload is what `enqueueJob` was given. */
export function taskList(tasks: Tasks, metrics: Pick<Metrics, 'observe'>): TaskList {
  return Object.fromEntries(
    Object.entries(tasks).map(([name, task]) => [
      name,
      async (payload, helpers) => {
        const begunAt = performance.now();
        const note = (outcome: 'done' | 'failed' | 'refused') =>
          metrics.observe('jobSeconds', (performance.now() - begunAt) / 1000, [name, outcome]);
        try {
          const { job, abortSignal } = helpers;
          await traced(`job ${name}`, { 'job.id': job.id, 'job.attempt': job.attempts }, () =>
            unlessAborted(abortSignal, () =>
              task(payload as JobPayload, { key: `job-${job.id}`, attempt: job.attempts }),
            ),
          );
          note('done');
        } catch (error) {
          note(error instanceof PermanentFailure ? 'refused' : 'failed');
          await fail(error, helpers);
        }
      },
    ]),
  );
}

/** Rejects when the process wants to end: what hangs is given back, and tried again elsewhere. */
async function unlessAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const listening = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const give = () => reject(new Error('The process ended before it was done.'));
    signal.addEventListener('abort', give, { once: true, signal: listening.signal });
  });
  try {
    await Promise.race([work(), aborted]);
  } finally {
    listening.abort();
  }
}

/** What is thrown is kept with the job and logged. */
async function fail(error: unknown, { job, query }: JobHelpers): Promise<never> {
  const kept = fitForKeeping(error);
  const isPermanent = error instanceof PermanentFailure;
  const code = error instanceof TemporaryFailure ? error.code : null;
  // Without the database it is tried again like any other.
  await query(failedSql, [job.id, isPermanent, kept.message, code]).catch(() => undefined);
  throw kept;
}

function fitForKeeping(error: unknown): Error {
  const { type, message, stack } = errorForLog(error);
  return Object.assign(new Error(message), { name: type, stack: `${type}: ${message}\n${stack}` });
}
