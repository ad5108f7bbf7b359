/** What an experiment is, and what comes out of it. */
import type { Breach } from './auditor.ts';

export interface Experiment {
  readonly name: string;
  /** Rounds of the long form. */
  readonly rounds: number;
  run(rounds: number): Promise<Result | Skipped>;
}

export interface Result {
  readonly acknowledged: number;
  readonly unknown: number;
  /** Milliseconds of the slowest answer; 0 when nothing was asked. */
  readonly worst: number;
  /** Milliseconds until all was well again, a number a round. */
  readonly recoveries: readonly number[];
  readonly breaches: readonly Breach[];
}

export interface Skipped {
  readonly reason: string;
}

/** An empty result, for experiments without a journal. */
export function resultOf(
  breaches: readonly Breach[],
  figures: Partial<Omit<Result, 'breaches'>> = {},
): Result {
  return { acknowledged: 0, unknown: 0, worst: 0, recoveries: [], ...figures, breaches };
}

/** A breach if it is not so. */
export function expectThat(isSo: boolean, promise: string, evidence: string): Breach[] {
  return isSo ? [] : [{ promise, evidence }];
}
