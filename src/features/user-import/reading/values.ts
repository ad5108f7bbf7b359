/** Turns values as other systems write them into fields of a person. Other values stay as they are. */
import { maxLengths } from '../../../core/max-lengths.ts';
import type { ReaderOptions, SourceFields, SourceNote, SourcePerson } from '../source.ts';
import type { FileNotes } from './file-notes.ts';
import { isObject, type SourceObject, withoutDeepValues } from './records.ts';

interface PersonDetails {
  readonly notes?: readonly SourceNote[];
  readonly options: ReaderOptions;
  /** Whether the file marks the address as verified; undefined if the file does not say. */
  readonly isVerified?: boolean | undefined;
}

/** A person with the fields. Characters that PostgreSQL cannot store are replaced in all texts. */
export function makePerson(
  position: number,
  raw: SourceFields,
  { notes = [], options, isVerified }: PersonDetails,
): SourcePerson {
  const broken = Object.entries(raw).filter(([, value]) => !isStorable(value));
  const fields =
    broken.length === 0
      ? raw
      : { ...raw, ...Object.fromEntries(broken.map(([name, value]) => [name, toStorable(value)])) };
  const all = [...notes, ...broken.map(([field]) => ({ field, message: replacedMessage }))];
  const isActive = isAbsent(fields.status) || fields.status === 'ACTIVE';
  const countsAsVerified = isVerified ?? (options.isEmailVerified && isActive);
  if (!countsAsVerified || !isAbsent(fields.emailVerifiedAt)) {
    return { position, fields, notes: all };
  }
  const emailVerifiedAt = verifiedAt(fields, options);
  return { position, fields: { ...fields, emailVerifiedAt }, notes: all };
}

/** A value of the file that marks an address as verified or not; undefined for another value. */
export function verificationOf(value: unknown): boolean | undefined {
  const marked = booleanOf(value);
  return typeof marked === 'boolean' ? marked : undefined;
}

const replacedMessage = 'A character that cannot be stored was replaced with U+FFFD.';

/** Whether PostgreSQL can store all texts of the value: NUL and halves of surrogate pairs have no place there. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\u0000');
  if (typeof value !== 'object' || value === null || value instanceof Date) return true;
  return Object.entries(value).every(([name, item]) => isStorable(name) && isStorable(item));
}

function toStorable(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll('\u0000', '\ufffd');
  if (Array.isArray(value)) return value.map(toStorable);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [toStorable(name), toStorable(item)]),
  );
}

/** The clock of the database, which decides whether a time is in the future, can be slower. */
const maxClockSkewMs = 60_000;

/** The time of a verification that the file has without its time: the first valid time of the account. */
function verifiedAt({ createdAt, lastLoginAt }: SourceFields, { now }: ReaderOptions) {
  const latest = now && new Date(now.getTime() - maxClockSkewMs);
  const known = [createdAt, lastLoginAt].find((time) => isPast(time, latest));
  return known ?? latest ?? new Date(0);
}

function isPast(time: unknown, latest: Date | undefined): boolean {
  const instant = time instanceof Date ? time : new Date(typeof time === 'string' ? time : '');
  const ms = instant.getTime(); // not a number for an invalid time
  return ms >= 0 && (latest === undefined || ms <= latest.getTime());
}

export function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** The first text with a visible character. */
export function firstText(...values: readonly unknown[]): string | undefined {
  return values.find((value): value is string => typeof value === 'string' && value.trim() !== '');
}

/** The first value that is not absent. */
export function firstOf(...values: readonly unknown[]): unknown {
  return values.find((value) => !isAbsent(value) && value !== '');
}

/** The text of an id, which can be a number. */
export function idText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : value;
}

/** `true`, `false`, `t`, `f`, `1` and `0` as booleans. */
export function booleanOf(value: unknown): unknown {
  if (value === 1 || value === 0) return value === 1;
  if (typeof value !== 'string') return value;
  const text = value.trim().toLowerCase();
  if (['true', 't', '1'].includes(text)) return true;
  return ['false', 'f', '0'].includes(text) ? false : value;
}

/** The value of a JSON text; undefined if the text is not valid JSON. */
export function parseJson(text: string): unknown {
  try {
    return withoutDeepValues(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const time =
  /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d+)?)?\s?(Z|UTC|[+-]\d\d(?::?\d\d)?)?(?::\d\d)?$/i;

/** A time in RFC 3339 for one in the formats of databases. A time without a zone is UTC. */
export function timeOf(value: unknown): unknown {
  const [text, day, minute, second = ':00', zone = 'Z'] =
    (typeof value === 'string' && time.exec(value.trim())) || [];
  if (text === undefined) return value === '' ? undefined : value;
  return `${day}T${minute}${second}${zoneOf(zone)}`;
}

/** Whether a time has no zone, so that it is read as UTC. */
export function isWithoutZone(value: unknown): boolean {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d[T ][\d:.]+$/.test(value.trim());
}

function zoneOf(zone: string): string {
  if (/^(Z|UTC)$/i.test(zone)) return 'Z';
  return `${zone.slice(0, 3)}:${zone.slice(3).replace(':', '') || '00'}`;
}

/** First and last name: the given ones, and otherwise parts of the full name. */
export function namesOf(
  first: unknown,
  last: unknown,
  full: unknown,
): Pick<SourceFields, 'firstName' | 'lastName'> {
  if (firstText(first) !== undefined || firstText(last) !== undefined) {
    return { firstName: firstOf(first), lastName: firstOf(last) };
  }
  const [firstName, ...rest] = firstText(full)?.trim().split(/\s+/) ?? [];
  if (firstName === undefined) return {};
  return rest.length === 0 ? { firstName } : { firstName, lastName: rest.join(' ') };
}

/** The username, unless it is the address. */
export function usernameUnlessEmail(username: unknown, email: unknown): unknown {
  if (username === '' || typeof username !== 'string' || typeof email !== 'string') {
    return username === '' ? undefined : username;
  }
  return username.trim().toLowerCase() === email.trim().toLowerCase() ? undefined : username;
}

/** The language tag of a text such as `en` or `en_US`; undefined if it is not valid. */
export function localeOf(value: unknown): string | undefined {
  const text = firstText(value)?.trim().replaceAll('_', '-');
  if (text === undefined || text.length > maxLengths.locale) return undefined;
  try {
    return new Intl.Locale(text).toString();
  } catch {
    return undefined;
  }
}

/** An object of the entries with a value; undefined if there is none. */
export function metadataOf(
  entries: Iterable<readonly [name: string, value: unknown]>,
): SourceObject | undefined {
  const kept = [...entries].filter(([, value]) => !isAbsent(value) && value !== '');
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

/** Words in the names of columns that hold secrets. The owner of an account can read its metadata. */
const secretName =
  /pass(word|wd|phrase)|secret|token|api_?key|private_?key|(^|[_.])(otp|totp|pin|salt|hash)($|_)|recovery|security_answer/i;

/** Whether a value has no place in metadata because of the name of its column. */
export function isSecretName(name: string): boolean {
  return secretName.test(name);
}
/** The object of a value that is an object or its JSON text. */
export function objectOf(value: unknown): SourceObject | undefined {
  const parsed = typeof value === 'string' ? parseJson(value) : value;
  return isObject(parsed) ? parsed : undefined;
}

/** A date of milliseconds since 1970, as a number or its text. Other values stay as they are. */
export function timeOfMilliseconds(value: unknown): unknown {
  if (value === '' || value === '0' || value === 0) return undefined;
  const isDigits = typeof value === 'string' && /^\d+$/.test(value);
  return typeof value === 'number' || isDigits ? new Date(Number(value)) : value;
}

const base64Text = /^[A-Za-z0-9+/_-]+={0,2}$/;

/** The standard form of base64, with padding, for any form; undefined for another value. */
export function base64Of(value: unknown): string | undefined {
  if (typeof value !== 'string' || !base64Text.test(value)) return undefined;
  const text = value.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** The object without values that have the name of a secret, in all levels. They are noted. */
function withoutSecrets(object: SourceObject, notes: Pick<FileNotes, 'add'>): SourceObject {
  const kept = Object.entries(object).filter(([name]) => {
    if (!isSecretName(name)) return true;
    notes.add(name, 'The value was left out: its name is that of a secret.');
    return false;
  });
  return Object.fromEntries(kept.map(([name, value]) => [name, withoutSecretsIn(value, notes)]));
}

function withoutSecretsIn(value: unknown, notes: Pick<FileNotes, 'add'>): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutSecretsIn(item, notes));
  return isObject(value) ? withoutSecrets(value, notes) : value;
}

/** A part of metadata without secrets; undefined if nothing is left. */
export function partOf(
  object: SourceObject,
  notes: Pick<FileNotes, 'add'>,
): SourceObject | undefined {
  return metadataOf(Object.entries(withoutSecrets(object, notes)));
}

/** The items of a list that are texts. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** The items of a list that are objects. */
export function objectsOf(value: unknown): readonly SourceObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
