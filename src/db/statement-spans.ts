/** A span around a statement, with its text as it was written: values come in later and are no part of it. */
import { currentTracer } from '../core/tracing.ts';

/** Characters of a statement that are told. */
const textLength = 2000;

/** Runs a statement, in a span of its own where there are any. */
export function inStatementSpan<Result>(sql: string, run: () => Promise<Result>): Promise<Result> {
  const tracer = currentTracer();
  if (!tracer) return run();
  const text = sql.replace(/\s+/g, ' ').trim();
  const attributes = {
    'db.system.name': 'postgresql',
    'db.query.text': text.slice(0, textLength),
  };
  return tracer.span(text.split(' ', 1)[0]?.toUpperCase() ?? 'SQL', attributes, run);
}
