/** The Mann–Whitney U test: whether two kinds of requests take the same time. */

/**
 * The two-sided p-value of the hypothesis that both sets of samples have the same distribution, by the
 * normal approximation; valid for 20 samples and more.
 */
export function rankSumP(one: readonly number[], other: readonly number[]): number {
  const all = [
    ...one.map((value) => ({ value, isOne: true })),
    ...other.map((value) => ({ value, isOne: false })),
  ].sort((a, b) => a.value - b.value);
  const rankSum = all.reduce((sum, { isOne }, at) => sum + (isOne ? at + 1 : 0), 0);
  const [n, m] = [one.length, other.length];
  const u = rankSum - (n * (n + 1)) / 2;
  const z = (u - (n * m) / 2) / Math.sqrt((n * m * (n + m + 1)) / 12);
  return 2 * (1 - normal(Math.abs(z)));
}

/** The distribution function of the normal distribution (Abramowitz and Stegun, 26.2.17). */
function normal(z: number): number {
  const t = 1 / (1 + 0.2316419 * z);
  const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
  const polynomial =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - density * polynomial;
}

interface Sampling {
  /** Samples of each way; fewer if the time ends first. */
  readonly samples: number;
  /** Time limit of one run; on a busy machine it ends with fewer samples. */
  readonly runMs: number;
}

export interface Equality {
  /** The p-value of the hypothesis that a way takes the same time as the first one. */
  readonly p: number;
  /** The median relative to that of the first one. */
  readonly ratio: number;
  readonly isEqual: boolean;
}

/** The limits of equality. */
export interface Bounds {
  readonly leastP: number;
  /** Tolerance of the ratio: 0.1 allows 0.9 to 1.1. */
  readonly tolerance: number;
}

/**
 * Takes samples of every way in random order, and compares each way with the first one. A real difference is in every
 * run, and the influence of other load only in some. So a way is equal if one of three runs finds it equal.
 */
export async function equalityOf(
  ways: Readonly<Record<string, () => Promise<unknown>>>,
  { leastP, tolerance, ...sampling }: Sampling & Bounds,
): Promise<Record<string, Equality>> {
  const found: Record<string, Equality> = {};
  for (let run = 0; run < 3; run += 1) {
    const times = await timesOf(ways, sampling);
    const [first = []] = Object.values(times);
    for (const [name, all] of Object.entries(times).slice(1)) {
      const p = rankSumP(first, all);
      const ratio = median(all) / median(first);
      const isEqual = p > leastP && Math.abs(ratio - 1) <= tolerance;
      if (!found[name]?.isEqual) found[name] = { p, ratio, isEqual };
    }
    if (Object.values(found).every(({ isEqual }) => isEqual)) break;
  }
  return found;
}

/** The order of all samples is random, so that the jobs of a request affect all ways equally often. */
async function timesOf(
  ways: Readonly<Record<string, () => Promise<unknown>>>,
  { samples, runMs }: Sampling,
): Promise<Record<string, number[]>> {
  const names = Object.keys(ways);
  const times: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
  const order = names
    .flatMap((name) => Array.from({ length: samples }, () => ({ name, at: Math.random() })))
    .sort((a, b) => a.at - b.at);
  const deadline = performance.now() + runMs;
  for (const { name } of order) {
    const start = performance.now();
    await ways[name]?.();
    const end = performance.now();
    times[name]?.push(end - start);
    if (end > deadline) break;
  }
  return times;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
