/**
 * Creates the metrics of this process for Prometheus. Counters and histograms are updated by events, gauges are
 * read at each scrape.
 */
import cluster from 'node:cluster';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { withTimeout } from '../core/timeout.ts';
import { type MetricOf, type MetricRow, metricRows } from './metric-definitions.ts';
import { requestAllMetrics } from './worker-metrics.ts';

/** Values of a gauge, each with its labels in the order of the table. */
type GaugeValues = Iterable<readonly [labels: readonly string[], value: number]>;

export type ReadGauge = () => GaugeValues | Promise<GaugeValues>;

export interface Metrics {
  /** Increments a counter by one or `by`. Labels have the order of the table. */
  count(metric: MetricOf<'counter'>, labels?: Labels, by?: number): void;
  /** Adds a duration in seconds to a histogram. */
  observe(metric: MetricOf<'histogram'>, seconds: number, labels?: Labels): void;
  /** Sets the function that reads a gauge. When it fails or takes a second, the gauge has no value. */
  read(metric: MetricOf<'gauge'>, read: ReadGauge): void;
  /** Adds the default metrics of the process: memory, CPU, open files, event loop lag, garbage collection. */
  watchProcess(): void;
  /** All metrics in the format of Prometheus; those of all workers if there are several. */
  text(): Promise<string>;
  readonly contentType: string;
}

const readTimeoutMs = 1000;

/** One label, or two. */
export type Labels = string | readonly [string, string];

interface Series {
  readonly add: (value: number) => void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const { worker } = cluster;
  if (worker) registry.setDefaultLabels({ worker: String(worker.id) });
  const gauges = new Map<string, ReadGauge>();
  const factories = new Map<string, CreateSeries>();
  for (const [metric, row] of Object.entries(metricRows)) {
    if (row.kind === 'gauge') {
      createGauge(optionsOf(row, registry), () => gauges.get(metric)?.() ?? []);
    } else {
      factories.set(
        metric,
        row.kind === 'counter' ? counter(row, registry) : histogram(row, registry),
      );
    }
  }
  const seriesOf = cacheSeries(factories);
  return {
    count: (metric, labels, by = 1) => seriesOf(metric, labels).add(by),
    observe: (metric, seconds, labels) => seriesOf(metric, labels).add(seconds),
    read: (metric, read) => void gauges.set(metric, read),
    watchProcess() {
      const shared = processMetrics();
      for (const { name } of shared.getMetricsAsArray()) {
        const metric = shared.getSingleMetric(name);
        if (metric) registry.registerMetric(metric);
      }
    },
    text: worker ? requestAllMetrics(registry) : () => registry.metrics(),
    contentType: registry.contentType,
  };
}

let processRegistry: Registry | undefined;

/** Created once per process, because prom-client cannot stop its timer and its observers. */
function processMetrics(): Registry {
  if (!processRegistry) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
}

type CreateSeries = (labels: string[]) => Series;

function optionsOf({ name, help, labels = [] }: MetricRow, registry: Registry) {
  return { name, help, labelNames: [...labels], registers: [registry] };
}

function counter(row: MetricRow, registry: Registry): CreateSeries {
  const metric = new Counter(optionsOf(row, registry));
  return (labels) => {
    const child = metric.labels(...labels);
    return { add: (by) => child.inc(by) };
  };
}

function histogram(row: MetricRow, registry: Registry): CreateSeries {
  const buckets = row.buckets ? { buckets: [...row.buckets] } : {};
  const metric = new Histogram({ ...optionsOf(row, registry), ...buckets });
  return (labels) => {
    const child = metric.labels(...labels);
    return { add: (seconds) => child.observe(seconds) };
  };
}

function createGauge(options: ReturnType<typeof optionsOf>, read: ReadGauge): void {
  new Gauge({
    ...options,
    async collect() {
      const values = await readWithTimeout(read);
      this.reset();
      if (options.labelNames.length === 0) this.remove();
      for (const [labels, value] of values) this.labels(...labels).set(value);
    },
  });
}

/** Without the database, or when it is slow, only its gauges have no values. */
async function readWithTimeout(readGauge: ReadGauge): Promise<GaugeValues> {
  const read = async () => readGauge();
  return withTimeout(
    readTimeoutMs,
    read().catch(() => []),
    [],
  );
}

/** Caches the series by their labels, so that an update allocates nothing. */
function cacheSeries(factories: ReadonlyMap<string, CreateSeries>) {
  const cache = new Map<string, Map<string, Series>>();
  return (metric: string, labels: Labels | undefined): Series => {
    const ofMetric = cache.get(metric) ?? new Map<string, Series>();
    const key = typeof labels === 'object' ? `${labels[0]}\n${labels[1]}` : (labels ?? '');
    const known = ofMetric.get(key);
    if (known) return known;
    const create = factories.get(metric);
    if (!create) throw new Error(`unknown metric ${metric}`);
    const series = create(labels === undefined ? [] : [labels].flat());
    cache.set(metric, ofMetric.set(key, series));
    return series;
  };
}
