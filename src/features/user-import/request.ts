/** The request and the result of an import. */

import type { OnConflict } from './plan.ts';
import type { Reason, ReportSink, Tally } from './report.ts';
import type { PeopleSource, PositionUnit } from './source.ts';
import type { CreatedAccess } from './writing/access-names.ts';

export interface ImportOptions {
  readonly format: string;
  readonly onConflict: OnConflict;
  readonly inactive: 'DISABLED' | 'PENDING';
  readonly isEmailVerified: boolean;
  readonly allowWeakHashes: boolean;
  /** SHA-256 of the file with parameters of hashes, in hexadecimal digits. */
  readonly hashConfigDigest: string | null;
  /** The model of people in a dump of Django, if it was chosen. */
  readonly userModel: string | null;
}

export interface ImportRequest {
  readonly source: PeopleSource;
  readonly unit: PositionUnit;
  /** SHA-256 of the file. */
  readonly digest: Buffer;
  readonly options: ImportOptions;
  /** @throws VALIDATION_FAILED when the file has changed since its digest was computed */
  readonly assertUnchanged: () => Promise<void>;
  /** Does everything but write. */
  readonly isDryRun: boolean;
  /** Ends the import after the current batch. */
  readonly signal: AbortSignal;
  readonly report: ReportSink;
  readonly onProgress: (progress: ImportProgress) => void;
  /** Called before the first person of an import that continues. */
  readonly onResume: (position: number) => void;
  /** Called before a new import, for each unfinished import of the same file with other options. */
  readonly onOther: (other: OtherImport) => void;
}

/** An unfinished import of the same file with other options. */
export interface OtherImport {
  readonly position: number;
  readonly options: ImportOptions;
}

export interface ImportProgress {
  readonly tally: Tally;
  /** The position after which an earlier import was interrupted; 0 for a new import. */
  readonly resumedAt: number;
}

export interface ImportResult extends ImportProgress {
  readonly isFinished: boolean;
  /** The people of this run, without those of an interrupted one. */
  readonly readNow: number;
  /** The last stored position. */
  readonly position: number;
  readonly created: CreatedAccess;
  /** Notes about the whole file and about groups that exist. */
  readonly notes: readonly Reason[];
}
