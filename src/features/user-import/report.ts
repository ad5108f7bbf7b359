/**
 * The report of an import: a line for each person that was refused, skipped or changed, the notes about the whole file,
 * and the counts of all.
 */

/** Why a person was refused or skipped, or what was changed. Without secrets. */
export interface Reason {
  readonly field: string | null;
  /** A sentence. */
  readonly reason: string;
  /** What the operator can do. */
  readonly remedy: string | null;
}

export type Outcome = 'refused' | 'changed' | 'skipped';

export interface ReportLine extends Reason {
  /** The line or number of the person. */
  readonly line: number;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly outcome: Outcome;
}

/** A note about the whole file. It concerns no single person and is in no count. */
export interface FileNoteLine extends Reason {
  readonly line: null;
  readonly externalId: null;
  readonly email: null;
  readonly outcome: 'note';
}

export function fileNoteLine(note: Reason): FileNoteLine {
  return { line: null, externalId: null, email: null, outcome: 'note', ...note };
}

export const noCounts = {
  /** People that were read, with those that could not be read. */
  read: 0,
  created: 0,
  updated: 0,
  /** Accounts that already have the values of their lines. */
  unchanged: 0,
  skipped: 0,
  refused: 0,
  /** Of the created and updated ones: those with a field that was changed or left out. */
  changed: 0,
  /** Of the created ones. */
  withoutPassword: 0,
  /** Accounts that became staff or superusers: created ones, and updated ones that were not before. */
  staff: 0,
  superusers: 0,
  /** Updated accounts that are no longer staff or superusers. */
  demoted: 0,
  /** Updated accounts that are no longer active, and pending ones that are disabled now. */
  disabled: 0,
};

export type ImportCounts = Readonly<typeof noCounts>;
export type CountName = keyof ImportCounts;

/** A reason and the people that it concerns. */
export interface ReasonGroup extends Reason {
  readonly outcome: Outcome;
  readonly count: number;
  /** The lines of the first ones. External ids stay in the report: an erasure does not reach `user_imports`. */
  readonly lines: readonly number[];
}

/** Counts and reasons, for the columns of `user_imports`. */
export interface Tally {
  readonly counts: ImportCounts;
  readonly reasons: readonly ReasonGroup[];
}

export const emptyTally: Tally = { counts: noCounts, reasons: [] };

const exampleCount = 3;
/** Readers may put values of the file into reasons, so their number has a limit. */
const maxReasons = 100;

/** The tally with further counts and lines. */
export function addToTally(
  tally: Tally,
  counts: Partial<ImportCounts>,
  lines: readonly ReportLine[],
): Tally {
  const sums = Object.entries({ ...noCounts, ...tally.counts }).map(([name, count]) => {
    const further = counts[name as CountName] ?? 0; // a key of the counts
    return [name, count + further];
  });
  return {
    counts: Object.fromEntries(sums) as unknown as ImportCounts, // the same keys
    reasons: lines.length === 0 ? tally.reasons : addReasons(tally.reasons, lines),
  };
}

function addReasons(
  groups: readonly ReasonGroup[],
  lines: readonly ReportLine[],
): readonly ReasonGroup[] {
  const byKey = new Map(groups.map((group) => [keyOf(group), group]));
  for (const line of lines) {
    const key = keyOf(line);
    const group = byKey.get(key);
    if (!group && byKey.size >= maxReasons) continue;
    const { outcome, field, reason, remedy } = line;
    const { count, lines: first } = group ?? { count: 0, lines: [] };
    byKey.set(key, {
      outcome,
      field,
      reason: withoutLine(reason),
      remedy,
      count: count + 1,
      lines: first.length < exampleCount ? [...first, line.line] : first,
    });
  }
  return [...byKey.values()];
}

function keyOf({
  outcome,
  field,
  reason,
}: Pick<ReportLine, 'outcome' | 'field' | 'reason'>): string {
  return `${outcome} ${field} ${withoutLine(reason)}`;
}

function withoutLine(reason: string): string {
  return reason.replace(
    /^(Line|Person) \d+\b/,
    (_text, word: string) => `An earlier ${word.toLowerCase()}`,
  );
}

/** Receives the lines of the report. */
export interface ReportSink {
  /**
   * Lines of people after this position are removed: an interrupted import did not store them.
   *
   * @throws VALIDATION_FAILED for a report with lines, if no interrupted import continues
   */
  resumeAt(position: number, isContinued: boolean): Promise<void>;
  /** Writes lines before the transaction commits, which has locked the position. */
  write(lines: readonly (ReportLine | FileNoteLine)[]): Promise<void>;
  /** Keeps the last lines. Without it the next `write` replaces them. */
  keep(): void;
}
