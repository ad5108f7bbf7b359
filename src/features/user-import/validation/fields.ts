/** Parsers of the fields of an imported person. A missing value is undefined. */
import { Problem } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import {
  type EmailAddress,
  type PersonName,
  parseEmail,
  parseExternalId,
  parseFields,
  parsePersonName,
  parseUsername,
  type Username,
} from '../../../core/parse.ts';
import { parseMetadata } from '../../users/metadata.ts';
import type { UserStatus } from '../../users/user.entity.ts';
import type { Reason } from '../report.ts';
import { cleanName } from './names.ts';

/** Ends the validation of a person. */
export class Refusal extends Error {
  readonly reason: Reason;

  constructor(field: string, reason: string, remedy?: string) {
    super(reason);
    this.reason = { field, reason, remedy: remedy ?? null };
  }
}

/** Receives the values that were changed or left out. */
export interface FieldReader {
  note(field: string, reason: string, remedy?: string): void;
  /** Keeps the text of the file in the metadata. */
  keepOriginal(field: string, text: string): void;
}

export function isMissing(raw: unknown): raw is undefined | null | '' {
  return raw === undefined || raw === null || raw === '';
}

/** The parsed value, or the sentence of the fault. */
export function tryParse<Value>(
  parse: () => Value,
): { readonly value: Value } | { readonly fault: string } {
  try {
    return parseFields({ value: parse });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { fault: error.fields[0]?.message ?? error.message };
  }
}

export const correctLine =
  'Correct it in the file, and import the file again with --on-conflict skip.';

/** @throws Refusal */
export function parseAddress(raw: unknown): EmailAddress {
  if (isMissing(raw)) throw new Refusal('email', 'The person has no address.', correctLine);
  const parsed = tryParse(() => parseEmail(raw));
  if ('value' in parsed) return parsed.value;
  if (typeof raw === 'string' && /[^\x20-\x7e].*@/u.test(raw.trim())) {
    throw new Refusal(
      'email',
      'The part before the @ has characters outside of ASCII, which no address here can have.',
      'Ask the person for another address, and write it into the file.',
    );
  }
  throw new Refusal('email', parsed.fault, correctLine);
}

/** A text or a number. @throws Refusal */
export function parseExternal(raw: unknown): string | undefined {
  if (isMissing(raw)) return undefined;
  if (typeof raw === 'number' && !Number.isSafeInteger(raw)) {
    throw new Refusal('externalId', 'The number has too many digits.', 'Write it as a text.');
  }
  const parsed = tryParse(() => parseExternalId(typeof raw === 'number' ? String(raw) : raw));
  if ('fault' in parsed) throw new Refusal('externalId', parsed.fault, correctLine);
  return parsed.value;
}

/** An impossible username is left out: the person logs in with the address. */
export function parseUserName(
  reader: FieldReader,
  raw: unknown,
  email: EmailAddress,
): Username | undefined {
  if (isMissing(raw)) return undefined;
  const parsed = tryParse(() => parseUsername(raw));
  if ('value' in parsed) return parsed.value;
  if (typeof raw === 'string' && raw.trim().toLowerCase() === email) {
    reader.note('username', 'The username is the address, so the account has no username.');
    return undefined;
  }
  const reason = 'No username here can have this form. The account has no username.';
  leaveOutUsername(reader, raw, reason);
  return undefined;
}

/** Reports a username that the account does not get, and keeps it in the metadata. */
function leaveOutUsername(reader: FieldReader, raw: unknown, reason: string): void {
  if (typeof raw === 'string') reader.keepOriginal('username', raw);
  reader.note('username', reason, usernameRemedy);
}

export const usernameRemedy =
  'The person logs in with the address. metadata.username has the former username.';

/** Characters that a name cannot have are replaced. */
export function parseName(
  reader: FieldReader,
  field: 'firstName' | 'lastName',
  raw: unknown,
): PersonName | undefined {
  if (raw === undefined || raw === null) return undefined;
  const text = typeof raw === 'number' ? String(raw) : raw;
  if (typeof text === 'string' && text.trim() === '') return '' as PersonName; // valid when empty
  const parsed = tryParse(() => parsePersonName(text));
  if ('value' in parsed) return parsed.value;
  if (typeof text === 'string') reader.keepOriginal(field, text);
  const cleaned = tryParse(() => parsePersonName(cleanName(String(text))));
  const isCleaned = typeof text === 'string' && 'value' in cleaned;
  reader.note(
    field,
    isCleaned
      ? 'Characters that a name cannot have were replaced, or the name was shortened.'
      : 'The name has no usable character and was left out.',
    `metadata.${field} has the former name.`,
  );
  return isCleaned ? cleaned.value : ('' as PersonName); // valid when empty
}

const statuses: ReadonlySet<unknown> = new Set(['ACTIVE', 'DISABLED', 'PENDING']);

/** @throws Refusal, because a wrong guess opens an account */
export function parseStatus(raw: unknown): UserStatus | undefined {
  if (isMissing(raw)) return undefined;
  if (statuses.has(raw)) return raw as UserStatus; // a member of the set
  throw new Refusal('status', 'Must be ACTIVE, DISABLED or PENDING.', correctLine);
}

/** @throws Refusal, because a wrong guess gives or removes rights */
export function parseFlag(field: 'isStaff' | 'isSuperuser', raw: unknown): boolean | undefined {
  if (isMissing(raw)) return undefined;
  if (typeof raw === 'boolean') return raw;
  throw new Refusal(field, 'Must be true or false.', correctLine);
}

/** Metadata with the former texts of changed fields, if both are valid. A key of the metadata is not replaced. */
export function withOriginals(given: JsonObject, originals: JsonObject): JsonObject {
  const parsed = tryParse(() => parseMetadata({ ...originals, ...given }));
  return 'value' in parsed ? parsed.value : given;
}
