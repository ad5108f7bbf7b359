/**
 * Measures several subjects in rounds, A B A B, so that other load on the machine affects all of them. A ratio is
 * the median of the ratios within each round.
 */
import type { LoadResult, LoadSpec } from './load.ts';
import { benchFile, type CpuSeconds, cpuSeconds, type Measured, runJson } from './process.ts';
import { hasWrk, loadWithWrk } from './wrk.ts';

/** The measurement of one subject in one round. */
export interface Sample {
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Responses with OVERLOADED, of all responses. */
  readonly overloaded?: number | undefined;
  readonly cpu?: CpuMicroseconds | undefined;
}

/** Microseconds of processor time for each expected response. */
export interface CpuMicroseconds {
  readonly process?: number | undefined;
  readonly eventLoop?: number | undefined;
  readonly database?: number | undefined;
}

export interface Subject {
  readonly name: string;
  round(seconds: number): Promise<Sample>;
}

export interface Measurement extends Sample {
  readonly name: string;
  /** The largest minus the smallest throughput of the rounds, divided by the median. */
  readonly spread: number;
  readonly rounds: readonly Sample[];
}

export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export async function interleave(
  subjects: readonly Subject[],
  { rounds, seconds, warmUpSeconds }: Effort,
): Promise<Measurement[]> {
  for (const subject of subjects) await subject.round(warmUpSeconds);
  const samples = new Map<Subject, Sample[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of subjects) samples.get(subject)?.push(await subject.round(seconds));
  }
  return subjects.map((subject) => summary(subject.name, samples.get(subject) ?? []));
}

function summary(name: string, rounds: readonly Sample[]): Measurement {
  const of = (read: (sample: Sample) => number | undefined) =>
    rounds.map(read).filter((value) => value !== undefined);
  const throughputs = of(({ perSecond }) => perSecond);
  const perSecond = median(throughputs);
  const cpu = (read: (cpu: CpuMicroseconds) => number | undefined) => {
    const values = of((sample) => sample.cpu && read(sample.cpu));
    return values.length > 0 ? median(values) : undefined;
  };
  return {
    name,
    perSecond,
    p50: median(of(({ p50 }) => p50)),
    p99: median(of(({ p99 }) => p99)),
    overloaded: median(of(({ overloaded }) => overloaded ?? 0)),
    cpu: {
      process: cpu(({ process }) => process),
      eventLoop: cpu(({ eventLoop }) => eventLoop),
      database: cpu(({ database }) => database),
    },
    spread: (Math.max(...throughputs) - Math.min(...throughputs)) / perSecond,
    rounds,
  };
}

/** The median ratio of `read`, by default the throughput, of two subjects within each round. */
export function ratio(
  one: Measurement,
  other: Measurement,
  read: (sample: Sample) => number = ({ perSecond }) => perSecond,
): number {
  const ratios = one.rounds.flatMap((sample, round) => {
    const against = other.rounds[round];
    return against ? [read(sample) / read(against)] : [];
  });
  return median(ratios);
}

export function named(measured: readonly Measurement[], name: string): Measurement {
  const found = measured.find((each) => each.name === name);
  if (!found) throw new Error(`nothing was measured under ${name}`);
  return found;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const [low = Number.NaN, high = Number.NaN] = [sorted[middle - 1], sorted[middle]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
}

/** Nearest rank. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Repeats `work` with a number of concurrent calls. */
export async function sampleOf(
  { seconds, concurrency }: { readonly seconds: number; readonly concurrency: number },
  work: () => Promise<void>,
): Promise<Sample> {
  const milliseconds: number[] = [];
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1000;
  const worker = async () => {
    while (performance.now() < endsAt) {
      const begunAt = performance.now();
      await work();
      milliseconds.push(performance.now() - begunAt);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    perSecond: (milliseconds.length * 1000) / (performance.now() - startedAt),
    p50: percentile(milliseconds, 0.5),
    p99: percentile(milliseconds, 0.99),
    cpu: { process: (user + system) / milliseconds.length },
  };
}

/** A subject of requests over HTTP to a server, whose processor time is measured. */
export function httpSubject(
  name: string,
  server: Measured,
  spec: Omit<LoadSpec, 'seconds'>,
): Subject {
  return {
    name,
    async round(seconds) {
      const before = cpuSeconds(server);
      const result = await runLoad({ ...spec, seconds });
      const after = cpuSeconds(server);
      const { perSecond, p50, p99, answers, overloaded, wrong } = result;
      if (wrong > 0) throw new Error(`${name}: ${wrong} wrong; ${result.example}`);
      const expected = answers - overloaded;
      return {
        ...{ perSecond, p50, p99, overloaded: answers > 0 ? overloaded / answers : 0 },
        cpu: difference(before, after, expected),
      };
    },
  };
}

function difference(before: CpuSeconds, after: CpuSeconds, answers: number): CpuMicroseconds {
  const each = (from: number | undefined, to: number | undefined) =>
    from === undefined || to === undefined || answers === 0
      ? undefined
      : ((to - from) * 1e6) / answers;
  return {
    process: each(before.process, after.process),
    eventLoop: each(before.eventLoop, after.eventLoop),
    database: each(before.database, after.database),
  };
}

export function runLoad(spec: LoadSpec): Promise<LoadResult> {
  return hasWrk() ? loadWithWrk(spec) : runJson(benchFile('./load.ts'), spec);
}
