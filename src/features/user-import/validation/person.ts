/**
 * Validates the people of a file with the parsers of every interface. A value that decides on a login or on rights is
 * refused if it is not valid. Another value is changed or left out, and the report says so.
 */
import type { JsonObject } from '../../../core/json.ts';
import { maxLengths } from '../../../core/max-lengths.ts';
import type { EmailAddress, PersonName, Username } from '../../../core/parse.ts';
import type { UserStatus } from '../../users/user.entity.ts';
import type { Reason } from '../report.ts';
import type { SourceFields, SourcePerson } from '../source.ts';
import {
  type FieldReader,
  parseAddress,
  parseExternal,
  parseFlag,
  parseName,
  parseStatus,
  parseUserName,
  Refusal,
} from './fields.ts';
import { type ImportedGroup, parseGroups, parsePermissions } from './grant-fields.ts';
import { parseObject } from './metadata-field.ts';
import { type ImportedPassword, parsePassword } from './password-field.ts';
import { parseLanguage, parseTime } from './time-fields.ts';

/** A valid person. A field that the file does not give is undefined. */
export interface ImportedPerson {
  readonly position: number;
  readonly email: EmailAddress;
  readonly externalId: string | undefined;
  readonly username: Username | undefined;
  readonly firstName: PersonName | undefined;
  readonly lastName: PersonName | undefined;
  readonly status: UserStatus | undefined;
  /** Whether the other system does not say why the person is inactive. */
  readonly isInactive: boolean;
  readonly isStaff: boolean | undefined;
  readonly isSuperuser: boolean | undefined;
  /** Null if the file says that the account has no password. */
  readonly password: ImportedPassword | null | undefined;
  readonly locale: string | undefined;
  readonly metadata: JsonObject | undefined;
  /** Former texts of changed fields, for the metadata. */
  readonly originals: JsonObject;
  readonly createdAt: Date | undefined;
  readonly lastLoginAt: Date | undefined;
  readonly emailVerifiedAt: Date | undefined;
  readonly groups: readonly ImportedGroup[] | undefined;
  readonly permissions: readonly string[] | undefined;
  /** Values that were changed or left out. */
  readonly notes: readonly Reason[];
}

/** A person that is not imported. */
export interface RefusedPerson {
  readonly position: number;
  readonly externalId: string | null;
  readonly email: string | null;
  readonly refusal: Reason;
}

export interface PersonRules {
  readonly now: Date;
  readonly allowWeakHashes: boolean;
  /** Metadata that is not valid is left out in parts; otherwise the person is refused. */
  readonly isPartialMetadata: boolean;
}

export function isRefused(person: ImportedPerson | RefusedPerson): person is RefusedPerson {
  return 'refusal' in person;
}

export function parsePerson(
  { position, fields, notes, isInactive = false }: SourcePerson,
  rules: PersonRules,
): ImportedPerson | RefusedPerson {
  const all: Reason[] = notes.map(({ field, message, remedy }) => ({
    field,
    reason: message,
    remedy: remedy ?? null,
  }));
  try {
    return { position, ...parseAll(fields, rules, all), isInactive, notes: all };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { externalId, email } = fields;
    return {
      position,
      externalId: shownText(externalId),
      email: shownText(email),
      refusal: error.reason,
    };
  }
}

/** The maximum length of a former text in the metadata. */
const maxOriginalLength = 1000;

function parseAll(fields: SourceFields, rules: PersonRules, notes: Reason[]) {
  const originals: Record<string, string> = {};
  const reader: FieldReader = {
    note: (field, reason, remedy) => notes.push({ field, reason, remedy: remedy ?? null }),
    keepOriginal: (field, text) => {
      originals[field] = shortText(text, maxOriginalLength);
    },
  };
  const email = parseAddress(fields.email);
  const isSuperuser = parseFlag('isSuperuser', fields.isSuperuser);
  return {
    email,
    externalId: parseExternal(fields.externalId),
    username: parseUserName(reader, fields.username, email),
    firstName: parseName(reader, 'firstName', fields.firstName),
    lastName: parseName(reader, 'lastName', fields.lastName),
    status: parseStatus(fields.status),
    isStaff: parseFlag('isStaff', fields.isStaff),
    isSuperuser,
    password: parsePassword(fields.passwordHash, rules.allowWeakHashes),
    locale: parseLanguage(reader, fields.locale),
    createdAt: parseTime(reader, 'createdAt', fields.createdAt, rules.now),
    lastLoginAt: parseTime(reader, 'lastLoginAt', fields.lastLoginAt, rules.now),
    emailVerifiedAt: parseTime(reader, 'emailVerifiedAt', fields.emailVerifiedAt, rules.now),
    groups: parseGroups(reader, fields.groups, { now: rules.now, isSuperuser }),
    permissions: parsePermissions(reader, fields.permissions),
    metadata: parseObject(reader, fields.metadata, rules.isPartialMetadata),
    originals,
  };
}

/** A value of the file in the report, which shows no other types and no long texts. */
export function shownText(value: unknown): string | null {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' ? shortText(text, maxLengths.email) : null;
}

/** The beginning as a copy: a slice would keep the whole text of the file in memory. */
function shortText(text: string, maxLength: number): string {
  return Buffer.from(text.slice(0, maxLength)).toString();
}
