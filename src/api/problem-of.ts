/** What an error means to the caller. */
import { Problem } from '../core/errors.ts';
import { isDatabaseUnavailable } from '../db/database-unavailable.ts';

/** The refusal, where it is one or where waiting helps; nothing for mistakes of ours. */
export function problemOf(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  return isDatabaseUnavailable(error)
    ? new Problem('OVERLOADED', { retryAfterSeconds: 1 })
    : undefined;
}
