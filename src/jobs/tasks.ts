/**
 * Executes the tasks of jobs: traces and measures them, moves failed jobs behind new ones, and makes jobs that cannot
 * succeed dead. graphile-worker logs the error and stores it with the job.
 */
import type { JobHelpers, TaskList } from 'graphile-worker';
import { errorForLog } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { traced } from '../observability/tracing.ts';
import { markFailedSql } from './private-tables.ts';

export type JobPayload = Readonly<Record<string, unknown>>;

export type Task = (payload: JobPayload, job: JobRun) => Promise<void>;

export interface JobRun {
  /** The same for every attempt at the same job. */
  readonly key: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
}

export type Tasks = Readonly<Record<string, Task>>;

/** Thrown by a task that would fail again in the same way. The job becomes dead. */
export class PermanentFailure extends Error {
  constructor(reason: Error) {
    super(reason.message, { cause: reason });
    this.name = 'PermanentFailure';
  }
}

/** Thrown by a task when the cause `code` is temporary. The jobs run again as soon as the cause is removed. */
export class TemporaryFailure extends Error {
  readonly code: string;

  constructor(code: string, reason: Error) {
    super(reason.message, { cause: reason });
    this.name = 'TemporaryFailure';
    this.code = code;
  }
}

/** The task list of graphile-worker. Payloads are those of `enqueueJob`. */
export function taskList(tasks: Tasks, metrics: Pick<Metrics, 'jobSeconds'>): TaskList {
  return Object.fromEntries(
    Object.entries(tasks).map(([name, task]) => [
      name,
      async (payload, helpers) => {
        const startedAt = performance.now();
        const observe = (outcome: 'done' | 'failed' | 'refused') =>
          metrics.jobSeconds.observe(
            { task: name, outcome },
            (performance.now() - startedAt) / 1000,
          );
        try {
          const { job, abortSignal } = helpers;
          await traced(`job ${name}`, { 'job.id': job.id, 'job.attempt': job.attempts }, () =>
            unlessAborted(abortSignal, () =>
              task(payload as JobPayload, { key: `job-${job.id}`, attempt: job.attempts }),
            ),
          );
          observe('done');
        } catch (error) {
          observe(error instanceof PermanentFailure ? 'refused' : 'failed');
          await fail(error, helpers);
        }
      },
    ]),
  );
}

/** Rejects at the shutdown: a job that hangs is released and retried by another worker. */
async function unlessAborted(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const listening = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const abort = () => reject(new Error('The process ended before it was done.'));
    signal.addEventListener('abort', abort, { once: true, signal: listening.signal });
  });
  try {
    await Promise.race([work(), aborted]);
  } finally {
    listening.abort();
  }
}

async function fail(error: unknown, { job, query }: JobHelpers): Promise<never> {
  const isPermanent = error instanceof PermanentFailure;
  const code = error instanceof TemporaryFailure ? error.code : null;
  // While the database is unavailable the job keeps its state and is retried.
  await query(markFailedSql, [job.id, isPermanent, code]).catch(() => undefined);
  throw safeError(error);
}

/** Without details that must not be stored or logged. */
function safeError(error: unknown): Error {
  const { type, message, stack } = errorForLog(error);
  return Object.assign(new Error(message), { name: type, stack: `${type}: ${message}\n${stack}` });
}
