/**
 * Traces: spans around what takes time, told to whoever collects them. Until `startTracing` nothing is
 * loaded and nothing costs anything. Attributes never hold what a caller sent.
 */
import type { TracingSettings } from './config.ts';

export type Attributes = Readonly<Record<string, string | number>>;

export interface Span {
  set(attributes: Attributes): void;
}

/** A request from its first hook to its last; everything between `enter` and `end` belongs to it. */
export interface RequestSpan {
  /** Goes on in the context of the span. */
  enter(next: () => void): void;
  end(name: string, attributes: Attributes & { readonly status: number }): void;
}

export interface Tracer {
  span<Result>(
    name: string,
    attributes: Attributes,
    work: (span: Span) => Promise<Result>,
  ): Promise<Result>;
  /** @param headers of the request; `traceparent` makes it part of the caller's trace (W3C) */
  request(headers: object): RequestSpan;
  /** Of the span at hand. */
  traceId(): string | undefined;
  /** Sends what is left, for at most a moment. */
  stop(): Promise<void>;
}

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
