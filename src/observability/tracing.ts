/**
 * Traces operations with spans. Without `startTracing` no library is loaded, and spans cost nothing. Attributes
 * contain no input values.
 */
import type { TracingSettings } from '../config/config.ts';
import type { Attributes, Span, Tracer } from './tracer.ts';

let tracer: Tracer | undefined;

/** Starts tracing if it is configured. */
export async function startTracing(
  settings: TracingSettings | undefined,
  version: string,
): Promise<void> {
  if (!settings) return;
  const { createTracer } = await import('./tracer.ts');
  tracer = createTracer(settings, version);
}

export async function stopTracing(): Promise<void> {
  await tracer?.stop();
  tracer = undefined;
}

/** The tracer, for callers that prepare a span only if tracing is on. */
export function currentTracer(): Tracer | undefined {
  return tracer;
}

const noSpan: Span = { set: () => undefined };

/** Runs `work` in a span. An error of `work` becomes the error of the span. */
export function traced<Result>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  return tracer ? tracer.span(name, attributes, work) : work(noSpan);
}
