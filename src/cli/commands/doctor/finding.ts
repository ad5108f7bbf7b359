/** A result of one check of `doctor`, with a remedy unless it is ok. */
import { ConfigError } from '../../../config/config.ts';

export type Judgement = 'ok' | 'warn' | 'fail';

export interface Finding {
  readonly judgement: Judgement;
  /** The subject of the check, such as `clock`. */
  readonly check: string;
  /** The result, as part of a sentence. */
  readonly what: string;
  readonly remedy?: string;
}

export function ok(check: string, what: string): Finding {
  return { judgement: 'ok', check, what };
}

/** The subject works now, but a fault is likely. */
export function warn(check: string, what: string, remedy: string): Finding {
  return { judgement: 'warn', check, what, remedy };
}

/** The subject does not work. */
export function fail(check: string, what: string, remedy: string): Finding {
  return { judgement: 'fail', check, what, remedy };
}

/** The message of an error on one line. Some connection errors have their message in an inner error. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof ConfigError) return error.faults.join('; ');
  const inner = error instanceof AggregateError ? error.errors : [];
  const [first = error] = inner.filter((cause) => cause instanceof Error);
  return first.message.replace(/\s+/g, ' ').trim() || first.name;
}
