/** The types of an experiment and its result. */
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
  /** Milliseconds of the slowest response; 0 without requests. */
  readonly worst: number;
  /** Milliseconds of the recovery in each round. */
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

/** A breach unless the condition holds. */
export function expectThat(isKept: boolean, promise: string, evidence: string): Breach[] {
  return isKept ? [] : [{ promise, evidence }];
}
