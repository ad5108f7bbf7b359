/** Parsing of RFC 3339 times, for every interface, and calculations with times. */

const pattern =
  /^(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?)(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

/** The fault of a text that `parseRfc3339` does not accept. */
export const timeFault = 'Must be a time such as 2026-01-31T12:00:00Z.';

/**
 * The instant of a text such as `2026-01-31T12:00:00Z` with any offset; undefined for an invalid text.
 * 30 February, 24:00 and leap seconds are invalid. Instants outside of the years 1 to 9999 in UTC are
 * invalid too, because PostgreSQL does not accept them in this format.
 */
export function parseRfc3339(raw: unknown): Date | undefined {
  const [text, day = ''] = (typeof raw === 'string' && pattern.exec(raw)) || [];
  if (text === undefined || !isDay(day)) return undefined;
  const instant = new Date(text.toUpperCase());
  return isInCalendar(instant) ? instant : undefined;
}

/** Whether an instant is in the years 1 to 9999 in UTC. PostgreSQL has its own formats for other years. */
function isInCalendar(instant: Date): boolean {
  const year = instant.getUTCFullYear(); // not a number for an invalid date
  return year >= 1 && year <= 9999;
}

/** Whether a day exists: `Date` parses 30 February as 2 March. */
function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

export type Clock = () => Date;

/** `seconds` after `instant`. */
export function secondsAfter(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}

/** Whole seconds since 1970, the `NumericDate` of tokens (RFC 7519 §2). */
export function numericDate(instant: Date): number {
  return Math.floor(instant.getTime() / 1000);
}
