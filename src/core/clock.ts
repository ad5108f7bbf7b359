/** Where the time comes from: the database, or a test. */
export type Clock = () => Date;

/** `seconds` after `instant`. */
export function secondsAfter(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}
