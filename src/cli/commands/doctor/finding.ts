/** What the doctor has found: one line, and one remedy. */
import { ConfigError } from '../../../config/config.ts';

export type Judgement = 'ok' | 'warn' | 'fail';

export interface Finding {
  readonly judgement: Judgement;
  /** What was looked at, such as `clock`. */
  readonly check: string;
  readonly what: string;
  readonly remedy?: string;
}

export function ok(check: string, what: string): Finding {
  return { judgement: 'ok', check, what };
}

/** It works, and might not tomorrow. */
export function warn(check: string, what: string, remedy: string): Finding {
  return { judgement: 'warn', check, what, remedy };
}

/** It does not work. */
export function fail(check: string, what: string, remedy: string): Finding {
  return { judgement: 'fail', check, what, remedy };
}

/** The first sentence of an error, on one line; some errors of connections say nothing by themselves. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ConfigError) return error.faults.join('; ');
  const inner = error instanceof AggregateError ? error.errors : [];
  const [first = error] = inner.filter((each) => each instanceof Error);
  return first.message.replace(/\s+/g, ' ').trim() || first.name;
}
