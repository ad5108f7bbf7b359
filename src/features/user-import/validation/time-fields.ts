/** Parsers of times and of the language of an imported person. A time outside of the calendar of accounts is changed. */
import { parseLocale } from '../../../core/parse.ts';
import { type FieldReader, isMissing, tryParse } from './fields.ts';

const isoPattern =
  /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

type TimeField = 'createdAt' | 'lastLoginAt' | 'emailVerifiedAt';

/** What an account has in place of a time that it cannot have. */
const replacements: Readonly<Record<TimeField, string>> = {
  createdAt: 'The account has the time of the import.',
  lastLoginAt: 'It was left out.',
  emailVerifiedAt: 'It was left out, so the address counts as not verified.',
};

export function parseTime(
  reader: FieldReader,
  field: TimeField,
  raw: unknown,
  now: Date,
): Date | undefined {
  if (isMissing(raw)) return undefined;
  const time = raw instanceof Date ? raw : parseIso(raw);
  const isValid = time !== undefined && !Number.isNaN(time.getTime());
  if (isValid && time.getTime() >= 0 && time <= now) return time;
  const fault = !isValid
    ? 'This is not a time such as 2026-01-31T12:00:00Z.'
    : `The time is ${time > now ? 'in the future' : 'before 1970'}.`;
  reader.note(field, `${fault} ${replacements[field]}`);
  return undefined;
}

/** A time without an offset is in UTC. */
export function parseIso(raw: unknown): Date | undefined {
  const match = typeof raw === 'string' ? isoPattern.exec(raw.trim()) : null;
  if (!match) return undefined;
  const [, day = '', clock = '00:00', offset = 'Z'] = match;
  if (!isCalendarDay(day)) return undefined;
  const [, sign = '', hours = '', minutes = '00'] = /^([+-])(\d\d):?(\d\d)?$/.exec(offset) ?? [];
  const zone = sign === '' ? 'Z' : `${sign}${hours}:${minutes}`;
  return new Date(`${day}T${clock.length === 5 ? `${clock}:00` : clock}${zone}`);
}

/** `Date` reads 30 February as a day of March. */
function isCalendarDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

/** A language tag; `en_US` is a usual spelling of `en-US`. */
export function parseLanguage(reader: FieldReader, raw: unknown): string | undefined {
  if (isMissing(raw)) return undefined;
  const text = typeof raw === 'string' ? raw.replace(/^([A-Za-z]{2,3})_/, '$1-') : raw;
  const parsed = tryParse(() => parseLocale(text));
  if ('value' in parsed) return parsed.value;
  reader.note('locale', 'This is not a language tag such as en or es-MX. It was left out.');
  return undefined;
}
