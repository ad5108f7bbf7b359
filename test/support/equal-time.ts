/** Compares the duration of several requests, on a machine that may be busy. */

export type Ways = Readonly<Record<string, () => Promise<unknown>>>;

const batch = 8;
const mostRounds = 200;

/**
 * The duration of each way relative to the first one, when no ratio exceeds `tolerance` (1.25: a quarter), or after
 * many rounds. A real difference remains over the rounds; the influence of a busy machine does not.
 */
export async function relativeTimes(
  ways: Ways,
  tolerance: number,
): Promise<Record<string, number>> {
  const names = Object.keys(ways);
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let rounds = batch; ; rounds += batch) {
    // In random order, so that the jobs of a request delay every way equally.
    const order = shuffled(names.flatMap((name) => Array<string>(batch).fill(name)));
    for (const name of order) {
      const start = performance.now();
      await ways[name]?.();
      times.get(name)?.push(performance.now() - start);
    }
    const relative = relativeToFirst(times);
    const isEqual = Object.values(relative).every((it) => it < tolerance && it > 1 / tolerance);
    if (isEqual || rounds >= mostRounds) return relative;
  }
}

function relativeToFirst(times: ReadonlyMap<string, readonly number[]>): Record<string, number> {
  const typical = [...times].map(([name, all]) => [name, lowerQuartile(all)] as const);
  const [[, first] = ['', Number.NaN]] = typical;
  return Object.fromEntries(typical.map(([name, time]) => [name, time / first]));
}

/** The lower quartile, because other load only increases a duration. */
function lowerQuartile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 2] ?? Number.NaN;
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, rank: Math.random() }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ item }) => item);
}
