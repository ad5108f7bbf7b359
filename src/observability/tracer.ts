/** Exports spans by OTLP over HTTP with OpenTelemetry. `tracing.ts` loads this file on demand. */
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

/** The span of a request, from its first hook to its last. */
export interface RequestSpan {
  /** Calls `next` in the context of the span. */
  enter(next: () => void): void;
  end(name: string, attributes: Attributes & { readonly status: number }): void;
}

export interface Tracer {
  span<Result>(
    name: string,
    attributes: Attributes,
    work: (span: Span) => Promise<Result>,
  ): Promise<Result>;
  /** @param headers of the request; `traceparent` continues the trace of the client (W3C) */
  request(headers: object): RequestSpan;
  /** The trace id of the current span. */
  traceId(): string | undefined;
  /** Exports the remaining spans, within `shutdownTimeoutMs`. */
  stop(): Promise<void>;
}

const shutdownTimeoutMs = 2000;
const exportTimeoutMs = 5000;

export function createTracer(
  { endpoint, serviceName, headers }: TracingSettings,
  version: string,
): Tracer {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    headers: { ...headers },
    timeoutMillis: exportTimeoutMs,
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
            setError(span, error);
            throw error;
          })
          .finally(() => span.end()),
      ),

    request(requestHeaders) {
      const parent = propagation.extract(ROOT_CONTEXT, requestHeaders);
      const span = tracer.startSpan('HTTP', { kind: SpanKind.SERVER }, parent);
      const spanContext = trace.setSpan(parent, span);
      return {
        enter: (next) => context.with(spanContext, next),
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
        shutdownTimeoutMs,
        provider.shutdown().catch(() => undefined),
        undefined,
      ),
  };
}

/** Sets the type of the error only, because messages may quote input. */
function setError(span: OpenSpan, error: unknown): void {
  const name = error instanceof Error ? error.name : typeof error;
  span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute(ATTR_ERROR_TYPE, name);
}
