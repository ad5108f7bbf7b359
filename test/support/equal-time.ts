/** Compares the duration of several requests, on a machine that may be busy. */
import { expect } from 'vitest';
import { elapsedMs } from './durations.ts';

export type Ways = Readonly<Record<string, () => Promise<unknown>>>;

export interface Comparison {
  /** The median of the duration relative to that of the first way. */
  readonly ratio: number;
  /** `different` is certain; `open` means that the limits did not suffice for a decision. */
  readonly verdict: 'equal' | 'different' | 'open';
  readonly rounds: number;
}

export interface ComparisonLimits {
  /** 0.1 allows a tenth more or less. */
  readonly tolerance: number;
  readonly rounds?: number;
  readonly milliseconds?: number;
  /** The duration of the work in milliseconds; without it the elapsed time. */
  readonly measure?: (work: () => Promise<unknown>) => Promise<number>;
}

const leastRounds = 16;
const batch = 8;
/** Standard deviations of the median. A way is equal if 99 % of its distribution is within the tolerance. */
const equalDeviations = 2.6;
/** One of 15,000 comparisons of equal ways is wrong. */
const differentDeviations = 4;

/**
 * Measures every way once a round, in random order, and compares it with the first one of the same round: other load
 * affects both. The comparison of a way ends as soon as its ratio is certainly within the tolerance. At the limits a
 * way is different if its ratio is certainly not 1.
 */
export async function compareDurations(
  ways: Ways,
  limits: ComparisonLimits,
): Promise<Record<string, Comparison>> {
  const { rounds = 400, milliseconds = 4000, measure = elapsedMs } = limits;
  const [first, ...others] = Object.keys(ways);
  if (first === undefined) throw new Error('there is nothing to compare');
  const ratios = new Map<string, number[]>(others.map((name) => [name, []]));
  const found: Record<string, Comparison> = {};
  const open = () => others.filter((name) => found[name]?.verdict !== 'equal');
  const deadline = performance.now() + milliseconds;
  for (let round = 1; open().length > 0; round += 1) {
    const times = await measureOnce([first, ...open()], (name) => measure(ways[name] ?? missing));
    for (const name of open())
      ratios.get(name)?.push((times.get(name) ?? 0) / (times.get(first) ?? 0));
    const isLast = round >= leastRounds && (round >= rounds || performance.now() > deadline);
    if (!isLast && (round < leastRounds || round % batch > 0)) continue;
    for (const name of open()) found[name] = judge(ratios.get(name) ?? [], limits.tolerance);
    if (isLast) break;
  }
  return found;
}

/** Fails if the duration of a way differs from that of the first one. */
export async function expectEqualDurations(ways: Ways, limits: ComparisonLimits): Promise<void> {
  const found = await compareDurations(ways, limits);
  expect(Object.keys(found)).toEqual(Object.keys(ways).slice(1));
  const different = Object.entries(found).filter(([, { verdict }]) => verdict === 'different');
  expect(Object.fromEntries(different)).toEqual({});
}

const missing = () => Promise.reject(new Error('no such way'));

async function measureOnce(
  names: readonly string[],
  measure: (name: string) => Promise<number>,
): Promise<ReadonlyMap<string, number>> {
  const times = new Map<string, number>();
  for (const name of shuffled(names)) times.set(name, await measure(name));
  return times;
}

function judge(ratios: readonly number[], tolerance: number): Comparison {
  const sorted = ratios.toSorted((a, b) => a - b);
  const ratio = sorted[sorted.length >> 1] ?? Number.NaN;
  const [low, high] = boundsOfMedian(sorted, equalDeviations);
  const isEqual = low > 1 / (1 + tolerance) && high < 1 + tolerance;
  const [certainlyLow, certainlyHigh] = boundsOfMedian(sorted, differentDeviations);
  const isDifferent = certainlyLow > 1 || certainlyHigh < 1;
  const verdict = isEqual ? 'equal' : isDifferent ? 'different' : 'open';
  return { ratio, verdict, rounds: ratios.length };
}

/** The confidence interval of the median: of the sign test, which needs no assumption about the distribution. */
function boundsOfMedian(sorted: readonly number[], deviations: number): [number, number] {
  const half = (deviations * Math.sqrt(sorted.length)) / 2;
  const last = sorted.length - 1;
  const low = Math.max(0, Math.floor(sorted.length / 2 - half));
  const high = Math.min(last, Math.ceil(sorted.length / 2 + half));
  return [sorted[low] ?? Number.NaN, sorted[high] ?? Number.NaN];
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ item }) => item);
}
