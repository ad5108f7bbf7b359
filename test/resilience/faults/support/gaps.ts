/** The time without writes, computed from the journal. */
import type { Journal } from './recorder.ts';

export interface Gap {
  /** When the fault began, milliseconds since the epoch. */
  readonly faultAt: number;
  /** The longest time without an acknowledged write after the fault. */
  readonly seconds: number;
}

const reads = new Set(['me']);

/** One gap for each event with the name `fault`: the longest time without a write before the next event. */
export function gapsAfter(fault: string, { requests, events }: Journal): Gap[] {
  const faults = events.filter(({ name }) => name === fault).map(({ at }) => at);
  const written = requests
    .filter(({ operation, answer }) => answer?.outcome === 'acknowledged' && !reads.has(operation))
    .map(({ answer }) => answer?.answeredAt ?? 0)
    .toSorted((a, b) => a - b);
  const last = Math.max(...requests.map(({ sentAt }) => sentAt));
  return faults.map((faultAt, index) => {
    const end = faults[index + 1] ?? last;
    const before = written.findLast((at) => at <= faultAt) ?? faultAt;
    const after = written.filter((at) => at > faultAt && at < end);
    // Without a later write the gap lasts until the end.
    const times = [before, ...(after.length > 0 ? after : [end])];
    const pauses = times.slice(1).map((at, i) => at - (times[i] ?? at));
    return { faultAt, seconds: Math.max(...pauses, 0) / 1000 };
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const pair = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return pair.reduce<number>((sum, value) => sum + (value ?? Number.NaN) / 2, 0);
}
