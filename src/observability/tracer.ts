/** OpenTelemetry behind `tracing.ts`: spans by OTLP over HTTP. Loaded only where it is asked for. */
import {
  context,
  type Span as OpenSpan,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_RESPONSE_STATUS_CODE,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions';
import type { TracingSettings } from '../config/config.ts';
import { withTimeout } from '../core/timeout.ts';

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

/** Milliseconds that the end of the process waits for a collector. */
const farewellMilliseconds = 2000;
const exportTimeoutMilliseconds = 5000;

export function createTracer(
  { endpoint, serviceName, headers }: TracingSettings,
  version: string,
): Tracer {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: { ...headers },
    timeoutMillis: exportTimeoutMilliseconds,
  });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({
      [ATTR_SERVICE_NAME]: serviceName,
      [ATTR_SERVICE_VERSION]: version,
    }),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register();
  const tracer = provider.getTracer('gatehouse', version);
  return {
    span: (name, attributes, work) =>
      tracer.startActiveSpan(name, { attributes }, (span) =>
        work({ set: (more) => void span.setAttributes(more) })
          .catch((error: unknown) => {
            failed(span, error);
            throw error;
          })
          .finally(() => span.end()),
      ),

    request(requestHeaders) {
      const parent = propagation.extract(ROOT_CONTEXT, requestHeaders);
      const span = tracer.startSpan('HTTP', { kind: SpanKind.SERVER }, parent);
      const inSpan = trace.setSpan(parent, span);
      return {
        enter: (next) => context.with(inSpan, next),
        end(name, { status, ...attributes }) {
          span.updateName(name);
          span.setAttributes({ ...attributes, [ATTR_HTTP_RESPONSE_STATUS_CODE]: status });
          if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
          span.end();
        },
      };
    },

    traceId: () => trace.getActiveSpan()?.spanContext().traceId,

    stop: () =>
      withTimeout(
        farewellMilliseconds,
        provider.shutdown().catch(() => undefined),
        undefined,
      ),
  };
}

/** The kind of error only: messages like to quote what somebody sent. */
function failed(span: OpenSpan, error: unknown): void {
  const name = error instanceof Error ? error.name : typeof error;
  span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute(ATTR_ERROR_TYPE, name);
}
