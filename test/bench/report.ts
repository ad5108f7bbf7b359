/** The results: tables for people and JSON for programs. */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import type { Measurement } from './sampling.ts';
import { hasWrk } from './wrk.ts';

/** A row of the table: a figure and its limit. */
export interface Figure {
  readonly metric: string;
  readonly value: number;
  readonly unit?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface PartResult {
  readonly measured: readonly Measurement[];
  readonly ratios: readonly Figure[];
}

export interface Machine {
  readonly processors: number;
  readonly model: string;
  readonly memoryGigabytes: number;
  readonly node: string;
  readonly loadBefore: number;
  /** The load generator. */
  readonly loadGenerator: 'wrk' | 'autocannon';
}

export function describeMachine(): Machine {
  return {
    processors: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    loadBefore: loadavg()[0] ?? Number.NaN,
    loadGenerator: hasWrk() ? 'wrk' : 'autocannon',
  };
}

export function measurementLines(measured: readonly Measurement[]): string {
  const rows = measured.map(({ name, perSecond, p50, p99, cpu, overloaded, spread }) => [
    name,
    shown(perSecond),
    `±${Math.round((spread * 100) / 2)} %`,
    shown(p50),
    shown(p99),
    ...[cpu?.eventLoop, cpu?.process, cpu?.database].map(micros),
    overloaded ? `${Math.round(overloaded * 100)} %` : '',
  ]);
  const cpu = ['event loop µs', 'process µs', 'database µs'];
  const head = ['measured', 'per second', 'spread', 'p50 ms', 'p99 ms', ...cpu, 'overloaded'];
  return table(head, rows);
}

export function figureLines(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => [
    figure.metric,
    `${shown(figure.value)}${figure.unit ? ` ${figure.unit}` : ''}`,
    target(figure),
    isReached(figure) ? '' : 'missed',
  ]);
  return table(['metric', 'measured', 'limit', ''], rows);
}

function target({ atLeast, atMost }: Figure): string {
  if (atLeast !== undefined) return `≥ ${atLeast}`;
  return atMost === undefined ? '' : `≤ ${atMost}`;
}

export function isReached({ value, atLeast, atMost }: Figure): boolean {
  if (atLeast !== undefined && value < atLeast) return false;
  return atMost === undefined || value <= atMost;
}

export function writeJson(
  file: string,
  machine: Machine,
  parts: Readonly<Record<string, PartResult>>,
): void {
  writeFileSync(file, `${JSON.stringify({ machine, parts }, undefined, 2)}\n`);
}

const micros = (value: number | undefined) => (value === undefined ? '' : shown(value));

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function shown(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3).replace(/\.?0+$/, '');
}
