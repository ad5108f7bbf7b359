/**
 * The use of graphile-worker's private tables (0.18). Everything else uses its public functions and its view
 * `graphile_worker.jobs`. Each statement says what these lack.
 */

/** Jobs with their payload. The view has no payload; the list of mails and the erasure of a user need it. */
export const jobsWithPayload = `
  select jobs.*, private.payload
  from graphile_worker.jobs jobs join graphile_worker._private_jobs private on private.id = jobs.id`;

/** A higher number runs later; new jobs have 0. */
const priorityOfRetries = 10;

/**
 * Marks a job that fails: it runs after every new job, it becomes dead if the failure is permanent, and a flag stores
 * the code of a temporary failure. The public functions skip a job while its worker has locked it.
 *
 * Parameters: id of the job, whether the failure is permanent, code or null.
 */
export const markFailedSql = `
  update graphile_worker._private_jobs
  set priority = ${priorityOfRetries},
    max_attempts = case when $2 then attempts else max_attempts end,
    flags = case when $3::text is null then null else jsonb_build_object($3::text, true) end
  where id = $1`;
