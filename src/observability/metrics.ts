/**
 * What is counted and measured, for Prometheus. Counting costs next to nothing and never fails; what
 * has a present value is asked for it when somebody looks.
 */
import cluster from 'node:cluster';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { withTimeout } from '../core/timeout.ts';
import { type MetricOf, type MetricRow, metricRows } from './metric-definitions.ts';
import { askForAllMetrics } from './worker-metrics.ts';

/** Present values, each with its labels in the order of the table. */
type Readings = Iterable<readonly [labels: readonly string[], value: number]>;

export type Reading = () => Readings | Promise<Readings>;

export interface Metrics {
  /** Counts one more, or `by` more, of a series; labels come in the order of the table. */
  count(metric: MetricOf<'counter'>, labels?: Labels, by?: number): void;
  /** Notes a duration in seconds. */
  observe(metric: MetricOf<'histogram'>, seconds: number, labels?: Labels): void;
  /** What to ask when somebody looks; when it fails, or takes a second, the metric has no value. */
  read(metric: MetricOf<'gauge'>, reading: Reading): void;
  /** Adds figures of the process: memory, CPU, open files, lag of the event loop, collections. */
  watchProcess(): void;
  /** Everything, as Prometheus reads it; of all workers, where there are several. */
  text(): Promise<string>;
  readonly contentType: string;
}

/** Milliseconds that a present value may take. */
const readingMilliseconds = 1000;

/** One label, or two. */
export type Labels = string | readonly [string, string];

interface Series {
  readonly add: (value: number) => void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const { worker } = cluster;
  if (worker) registry.setDefaultLabels({ worker: String(worker.id) });
  const readings = new Map<string, Reading>();
  const makers = new Map<string, MakeSeries>();
  for (const [metric, row] of Object.entries(metricRows)) {
    if (row.kind === 'gauge') {
      createGauge(optionsOf(row, registry), () => readings.get(metric)?.() ?? []);
    } else {
      makers.set(
        metric,
        row.kind === 'counter' ? counter(row, registry) : histogram(row, registry),
      );
    }
  }
  const seriesOf = keptSeries(makers);
  return {
    count: (metric, labels, by = 1) => seriesOf(metric, labels).add(by),
    observe: (metric, seconds, labels) => seriesOf(metric, labels).add(seconds),
    read: (metric, reading) => void readings.set(metric, reading),
    watchProcess() {
      const shared = processMetrics();
      for (const { name } of shared.getMetricsAsArray()) {
        const metric = shared.getSingleMetric(name);
        if (metric) registry.registerMetric(metric);
      }
    },
    text: worker ? askForAllMetrics(registry) : () => registry.metrics(),
    contentType: registry.contentType,
  };
}

let ofProcess: Registry | undefined;

/** Collected once, as prom-client never stops: its timer and its observer of collections stay. */
function processMetrics(): Registry {
  if (!ofProcess) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

type MakeSeries = (labels: string[]) => Series;

function optionsOf({ name, help, labels = [] }: MetricRow, registry: Registry) {
  return { name, help, labelNames: [...labels], registers: [registry] };
}

function counter(row: MetricRow, registry: Registry): MakeSeries {
  const made = new Counter(optionsOf(row, registry));
  return (labels) => {
    const child = made.labels(...labels);
    return { add: (by) => child.inc(by) };
  };
}

function histogram(row: MetricRow, registry: Registry): MakeSeries {
  const buckets = row.buckets ? { buckets: [...row.buckets] } : {};
  const made = new Histogram({ ...optionsOf(row, registry), ...buckets });
  return (labels) => {
    const child = made.labels(...labels);
    return { add: (seconds) => child.observe(seconds) };
  };
}

function createGauge(options: ReturnType<typeof optionsOf>, reading: Reading): void {
  new Gauge({
    ...options,
    async collect() {
      const readings = await patiently(reading);
      this.reset();
      if (options.labelNames.length === 0) this.remove();
      for (const [labels, value] of readings) this.labels(...labels).set(value);
    },
  });
}

/** A database that is away, or slow, takes its own figures along and not all the others. */
async function patiently(reading: Reading): Promise<Readings> {
  const read = async () => reading();
  return withTimeout(
    readingMilliseconds,
    read().catch(() => []),
    [],
  );
}

/** Looks a series up by its labels without making anything but, the first time, the series. */
function keptSeries(makers: ReadonlyMap<string, MakeSeries>) {
  const kept = new Map<string, Map<string, Series>>();
  return (metric: string, labels: Labels | undefined): Series => {
    const ofMetric = kept.get(metric) ?? new Map<string, Series>();
    const key = typeof labels === 'object' ? `${labels[0]}\n${labels[1]}` : (labels ?? '');
    const known = ofMetric.get(key);
    if (known) return known;
    const make = makers.get(metric);
    if (!make) throw new Error(`there is no metric ${metric}`);
    const made = make(labels === undefined ? [] : [labels].flat());
    kept.set(metric, ofMetric.set(key, made));
    return made;
  };
}
