/**
 * Traces: spans around what takes time, told to whoever collects them. Until `startTracing` nothing is
 * loaded and nothing costs anything. Attributes never hold what a caller sent.
 */
import type { TracingSettings } from '../config/config.ts';
import type { Attributes, Span, Tracer } from './tracer.ts';

/** The process traces, or it does not. */
let tracer: Tracer | undefined;

/** Begins to trace; nothing without settings. */
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

/** The tracer, where there is one: for who would otherwise prepare a span in vain. */
export function currentTracer(): Tracer | undefined {
  return tracer;
}

const untold: Span = { set: () => undefined };

/** Does `work` in a span of its own, which fails as it fails. */
export function traced<Result>(
  name: string,
  attributes: Attributes,
  work: (span: Span) => Promise<Result>,
): Promise<Result> {
  return tracer ? tracer.span(name, attributes, work) : work(untold);
}
