/** The Mann–Whitney U test: whether two ways to ask take the same time, sample by sample. */

/**
 * The two-sided p-value of the hypothesis that both sets of samples have the same distribution, by the
 * normal approximation; good for 20 samples and more.
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
  readonly samples: number;
}

/**
 * Asks in every way so many times, in an order that chance decides within each round, and answers the
 * p-value of each way against the first one. A difference that is there stays in every run, so the best
 * of three runs counts: what else the machine does is in some of them.
 */
export async function equalityOf(
  ways: Readonly<Record<string, () => Promise<unknown>>>,
  { level, ...sampling }: Sampling & { readonly level: number },
): Promise<Record<string, number>> {
  const best: Record<string, number> = {};
  for (let run = 0; run < 3; run += 1) {
    const times = await timesOf(ways, sampling);
    const [first = []] = Object.values(times);
    for (const [name, all] of Object.entries(times).slice(1)) {
      best[name] = Math.max(best[name] ?? 0, rankSumP(first, all));
    }
    if (Object.values(best).every((p) => p > level)) break;
  }
  return best;
}

async function timesOf(
  ways: Readonly<Record<string, () => Promise<unknown>>>,
  { samples }: Sampling,
): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(
    Object.keys(ways).map((name) => [name, []]),
  );
  for (let round = 0; round < samples; round += 1) {
    const order = Object.keys(ways)
      .map((name) => ({ name, at: Math.random() }))
      .sort((a, b) => a.at - b.at);
    for (const { name } of order) {
      const start = performance.now();
      await ways[name]?.();
      times[name]?.push(performance.now() - start);
    }
  }
  return times;
}
