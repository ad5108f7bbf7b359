/** For how long nothing could be written, read from the journal. */
import type { Journal } from './recorder.ts';

export interface Gap {
  /** When the fault began, milliseconds since the epoch. */
  readonly faultAt: number;
  /** Seconds without an acknowledged write, of the longest such time that follows the fault. */
  readonly seconds: number;
}

const reads = new Set(['me']);

/** One gap for each event called `fault`: the longest silence up to the next one. */
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
    // Where nothing is written any more the silence lasts until the end.
    const moments = [before, ...(after.length > 0 ? after : [end])];
    const silences = moments.slice(1).map((at, i) => at - (moments[i] ?? at));
    return { faultAt, seconds: Math.max(...silences, 0) / 1000 };
  });
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const pair = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return pair.reduce<number>((sum, value) => sum + (value ?? Number.NaN) / 2, 0);
}
