/** Times in text: the one reader of RFC 3339, for every interface. */

const pattern =
  /^(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?)(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i;

/**
 * The instant of a text such as `2026-01-31T12:00:00Z`, whatever its offset; undefined for a text that
 * is no time. 30 February, 24:00 and leap seconds are no times, and neither is what lies outside of the
 * years 1 to 9999 in UTC, which PostgreSQL does not take as text.
 */
export function parseRfc3339(raw: unknown): Date | undefined {
  const [text, day = ''] = (typeof raw === 'string' && pattern.exec(raw)) || [];
  if (text === undefined || !isDay(day)) return undefined;
  const instant = new Date(text.toUpperCase());
  return isInCalendar(instant) ? instant : undefined;
}

/** Whether an instant lies in the years 1 to 9999 in UTC: PostgreSQL takes others in forms of its own only. */
function isInCalendar(instant: Date): boolean {
  const year = instant.getUTCFullYear(); // not a number for an invalid date
  return year >= 1 && year <= 9999;
}

/** `Date` alone takes the 30th of February for the 1st of March. */
function isDay(day: string): boolean {
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

export type Clock = () => Date;

/** `seconds` after `instant`. */
export function secondsAfter(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}
