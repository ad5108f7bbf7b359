/** Durations on a machine that may be busy: processor time, and the shortest of several. */

type Work = () => unknown;

/**
 * The processor time of all threads of the process during the work, in milliseconds. Other processes hardly change it.
 * Each test file has the process for itself.
 */
export async function processorMs(work: Work): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

export async function elapsedMs(work: Work): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** The shortest of several durations in milliseconds, because other load only lengthens them. */
export async function shortestMs(work: Work, count = 3): Promise<number> {
  const durations: number[] = [];
  for (let round = 0; round < count; round += 1) durations.push(await elapsedMs(work));
  return Math.min(...durations);
}
