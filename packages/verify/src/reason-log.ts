/** Logs why tokens are UNAVAILABLE, or INVALID_TOKEN by a wrong setting: once, and again when the reason changes. */

/** `console`, or a logger with the same two methods. */
export interface VerifierLog {
  warn(message: string): void;
  info(message: string): void;
}

export type Subject = 'keys' | 'revocations' | 'clock behind' | 'clock ahead' | 'iss' | 'aud';

export interface ReasonLog {
  /** `reason` is a clause without a full stop, such as "http://… answers 404", and the same for the same cause. */
  report(subject: Subject, reason: string): void;
  resolve(subject: Subject): void;
}

const problems: Readonly<Record<Subject, string>> = {
  keys: 'Tokens are UNAVAILABLE without the public keys',
  revocations: 'Tokens are UNAVAILABLE without the revocation stream',
  'clock behind': 'Tokens are UNAVAILABLE with a wrong clock of this machine',
  'clock ahead': 'Valid tokens are INVALID_TOKEN with a wrong clock of this machine',
  iss: 'Tokens are INVALID_TOKEN with another `issuer` than PUBLIC_URL of Gatehouse',
  aud: 'Tokens are INVALID_TOKEN with another `audience` than ACCESS_TOKEN_AUDIENCE of Gatehouse',
};

const recoveries: Readonly<Record<Subject, string>> = {
  keys: 'The public keys are available again.',
  revocations: 'The revocation stream is available again.',
  'clock behind': 'The clock of this machine is right again.',
  'clock ahead': 'The clock of this machine is right again.',
  iss: 'Tokens have the expected issuer again.',
  aud: 'Tokens have the expected audience again.',
};

export function createReasonLog(log: VerifierLog): ReasonLog {
  const reasons = new Map<Subject, string>();
  const print = (message: string) => `@gatehouse-auth/verify: ${message}`;
  return {
    report(subject, reason) {
      if (reasons.get(subject) === reason) return;
      reasons.set(subject, reason);
      log.warn(print(`${problems[subject]}: ${reason}.`));
    },
    resolve(subject) {
      if (reasons.delete(subject)) log.info(print(recoveries[subject]));
    },
  };
}

/** The message of an error, and of the error that caused it: `fetch` names the network error only there. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  if (!(cause instanceof Error)) return message;
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  return `${message} (${cause.message || code || cause.name})`;
}
