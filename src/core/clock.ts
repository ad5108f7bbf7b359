/** Where the time comes from; tests hand in a clock of their own. */
export type Clock = () => Date;

export const systemClock: Clock = () => new Date();

/** `seconds` after `instant`. */
export function secondsAfter(instant: Date, seconds: number): Date {
  return new Date(instant.getTime() + seconds * 1000);
}
