/** Runs in the threads of the limit: one verification per call. */
import { verifySync } from '@node-rs/argon2';

export interface Verification {
  readonly hash: string;
  readonly password: string;
}

export function verify({ hash, password }: Verification): boolean {
  return verifySync(hash, password);
}
