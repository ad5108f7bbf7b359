/** Whether several ways to ask take the same time, on a machine that may be busy with something else. */

export type Ways = Readonly<Record<string, () => Promise<unknown>>>;

const batch = 8;
const mostRounds = 200;

/**
 * How long each way takes relative to the first, once none differs by more than `tolerance` (1.25: a
 * quarter), or after many rounds: a difference that is there stays, what comes of a busy machine does not.
 */
export async function relativeTimes(
  ways: Ways,
  tolerance: number,
): Promise<Record<string, number>> {
  const names = Object.keys(ways);
  const times = new Map<string, number[]>(names.map((name) => [name, []]));
  for (let rounds = batch; ; rounds += batch) {
    // In random order: a job that a request leaves behind slows every way alike.
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

/** What else a machine does only ever adds. */
function lowerQuartile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 2] ?? Number.NaN;
}

function shuffled<Item>(items: readonly Item[]): Item[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((one, other) => one.place - other.place)
    .map(({ item }) => item);
}
