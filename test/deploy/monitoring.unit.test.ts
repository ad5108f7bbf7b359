/** The dashboard and the alert rules use existing metrics, labels and commands. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { problemCodes } from '../../src/core/errors.ts';
import { addProcessMetrics, createMetrics } from '../../src/observability/metrics.ts';
import { metricRows } from '../support/metric-rows.ts';

const read = (path: string) =>
  readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8');

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
  readonly targets?: readonly { readonly expr: string }[];
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

const dashboard = JSON.parse(read('grafana/gatehouse.json')) as {
  readonly panels: readonly Panel[];
};
const alerts = parse(read('prometheus/alerts.yaml')) as {
  readonly groups: { readonly rules: Rule[] }[];
};
const rules = alerts.groups.flatMap((group) => group.rules);
const ofDashboard = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
const expressions = [...ofDashboard, ...rules.map(({ expr }) => expr)];

/** Labels that Prometheus and the workers add. */
const addedLabels = ['instance', 'job', 'le', 'worker'];

/** The series of `/metrics`, including those of histograms. */
async function served(): Promise<ReadonlySet<string>> {
  const metrics = createMetrics();
  addProcessMetrics(metrics);
  const types = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  const names = types.flatMap(([, name = '', type]) =>
    type === 'histogram' ? ['_bucket', '_count', '_sum'].map((part) => name + part) : [name],
  );
  return new Set([...names, 'up']);
}

test('every metric in a query is exported', async () => {
  const known = await served();
  const asked = expressions.flatMap(
    (expr) => expr.match(/\b(gatehouse|nodejs|process)_\w+|\bup\b/g) ?? [],
  );
  expect(asked.length).toBeGreaterThan(30);
  expect(asked.filter((name) => !known.has(name))).toEqual([]);
});

test('every metric of the table is on the dashboard', () => {
  const shown = JSON.stringify(dashboard);
  const missing = metricRows.filter(({ name }) => !shown.includes(name));
  expect(missing).toEqual([]);
});

test('labels belong to the metric, and codes to the catalogue', () => {
  const ownLabels = new Map(metricRows.map(({ name, labels }) => [name, labels]));
  for (const expr of expressions) {
    const known = [...ownLabels].flatMap(([name, labels]) => (expr.includes(name) ? labels : []));
    const grouped = [...expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(', '),
    );
    const matched = [...expr.matchAll(/(\w+)(?:=~|=)"/g)].map(([, label]) => label);
    for (const label of [...grouped, ...matched]) {
      expect([expr, [...known, ...addedLabels]]).toEqual([expr, expect.arrayContaining([label])]);
    }
    for (const [, code] of expr.matchAll(/outcome="([A-Z_]+)"/g))
      expect(problemCodes).toContain(code);
  }
});

test('every alert has a severity, a summary and a remedy', () => {
  expect(rules.length).toBeGreaterThan(5);
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { alert, labels, annotations } of rules) {
    expect([alert, labels.severity]).toEqual([
      alert,
      expect.stringMatching(/^(critical|warning)$/),
    ]);
    expect(annotations.summary.length).toBeGreaterThan(10);
    expect(annotations.description.length).toBeGreaterThan(20);
  }
});

test('panels have unique titles and do not overlap', () => {
  const { panels } = dashboard;
  expect(panels.length).toBeGreaterThan(10);
  expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
  const places = panels.map(({ gridPos: { x, y } }) => `${x}/${y}`);
  expect(new Set(places).size).toBe(places.length);
  for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
});
