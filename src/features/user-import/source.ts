/**
 * The people of a file as a reader returns them, before any validation. Readers know the format of the file. They know
 * nothing of the database and of the rules for accounts.
 */

/** The fields of a person. A field that is undefined or null is absent. Values have any type, as in the file. */
export interface SourceFields {
  readonly externalId?: unknown;
  readonly email?: unknown;
  readonly username?: unknown;
  readonly firstName?: unknown;
  readonly lastName?: unknown;
  /** `ACTIVE`, `DISABLED` or `PENDING`. */
  readonly status?: unknown;
  readonly isStaff?: unknown;
  readonly isSuperuser?: unknown;
  /** A text that `readImportedHash` knows. */
  readonly passwordHash?: unknown;
  readonly locale?: unknown;
  /** An object. */
  readonly metadata?: unknown;
  /** Times are texts in ISO 8601, or dates. */
  readonly createdAt?: unknown;
  readonly lastLoginAt?: unknown;
  readonly emailVerifiedAt?: unknown;
  /** A list of names, or of objects with `name` and `expiresAt`. */
  readonly groups?: unknown;
  /** A list of codenames. */
  readonly permissions?: unknown;
}

export type SourceField = keyof SourceFields;

/** A value that the reader changed or left out. It becomes a line of the report. */
export interface SourceNote {
  /** The field of the account, or of the file for a value without a field here. */
  readonly field: string;
  /** What the reader did and why, as a sentence. */
  readonly message: string;
  /** What the operator can do about it. */
  readonly remedy?: string;
}

/** Whether positions are lines of the file or numbers of people. */
export type PositionUnit = 'line' | 'person';

/** One person of a file. */
export interface SourcePerson {
  /** The line in JSONL and CSV, the number of the person in other formats; from 1. */
  readonly position: number;
  readonly fields: SourceFields;
  readonly notes: readonly SourceNote[];
  /** Whether the file marks the person as inactive without a reason, so that `inactive` chose the status. */
  readonly isInactive?: boolean;
}

/** A person that cannot be read, or that a reader skips. The reader continues with the next one. */
export interface SourceFault {
  readonly position: number;
  readonly message: string;
  readonly remedy?: string;
  /** The person has no place here, such as a deleted account: it is skipped and not refused. */
  readonly isSkipped?: boolean;
  /** As in `SourceFields`, if the reader knows them. */
  readonly externalId?: unknown;
  readonly email?: unknown;
}

/** The definition of a group that the file has. */
export interface SourceGroup {
  readonly name: string;
  readonly description?: string;
  /** Codenames. */
  readonly permissions?: readonly string[];
}

/** The definition of a permission that the file has. */
export interface SourcePermission {
  readonly codename: string;
  readonly name: string;
}

export interface PeopleSource {
  readonly groups: readonly SourceGroup[];
  readonly permissions: readonly SourcePermission[];
  /** A stream in the order of positions, which needs the same memory for a file of any size. */
  readonly people: AsyncIterable<SourcePerson | SourceFault>;
  /** Notes about the whole file. */
  readonly summary?: readonly SourceNote[];
  /** The number of people and faults that the stream has. */
  readonly total?: number;
}

export interface ReaderOptions {
  /** The status of a person that the file marks as inactive without saying why. */
  readonly inactive: 'DISABLED' | 'PENDING';
  /**
   * Whether the other system had verified the addresses of its active accounts. It concerns people of whom the file does
   * not say whether their address is verified.
   */
  readonly isEmailVerified: boolean;
  /** The text of a file with parameters of hashes, for formats that do not contain them. */
  readonly hashConfig?: string;
  /** The model of people in a dump of Django, such as `accounts.user`, if the dump has several. */
  readonly userModel?: string;
  /** The time that the ends of bans are compared with. Without it every ban counts. */
  readonly now?: Date;
  /** Gets all bytes of the file in their order, once, before the reader returns. */
  readonly onChunk?: (bytes: Uint8Array) => void;
}

/**
 * Opens a file in one format. Reads the whole file once, so that a broken file is refused before the import writes
 * anything; the stream of people reads it again.
 *
 * @throws VALIDATION_FAILED with the field `file` for a file that is not of this format
 */
export type OpenPeople = (path: string, options: ReaderOptions) => Promise<PeopleSource>;

export function isFault(item: SourcePerson | SourceFault): item is SourceFault {
  return !('fields' in item);
}
