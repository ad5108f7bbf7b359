/** The metrics of the code, as rows of a table. */
import { createMetrics } from '../../src/observability/metrics.ts';

/** as: prom-client types neither the kind nor the names of the labels as it has them. */
const metrics = createMetrics().registry.getMetricsAsArray() as unknown as readonly {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}[];

export const metricRows = metrics.map(({ name, help, type, labelNames }) => ({
  name,
  help,
  kind: type,
  labels: labelNames,
}));
