/** Proving that the caller still knows the account's password, before something that needs it. */
import type { Actor, Context } from '../../core/actor.ts';
import { Problem } from '../../core/errors.ts';
import type { PasswordHasher } from '../../core/password-hash/password-hasher.ts';
import type { User } from '../users/user.entity.ts';
import type { Users } from '../users/users.ts';

/** The hash that a password was right for. */
export interface ProvedPassword {
  readonly hash: string;
}

export interface Credentials {
  /** @throws INVALID_CREDENTIALS */
  prove(actor: Actor, password: string, context: Context): Promise<ProvedPassword>;
  /**
   * The caller's user, locked. While the password was checked the account may have been closed, or
   * given another one. Needs a transaction.
   *
   * @throws INVALID_CREDENTIALS
   */
  claimProved(actor: Actor, proved: ProvedPassword): Promise<User>;
}

export function createCredentials(parts: {
  readonly users: Users;
  readonly hasher: PasswordHasher;
}): Credentials {
  const { users, hasher } = parts;
  return {
    async prove(actor, password, context) {
      const hash = await users.findPasswordHash(actor.person.id);
      const isRight = await hasher.verify(hash, password, context.signal);
      if (hash === undefined || !isRight) throw new Problem('INVALID_CREDENTIALS');
      return { hash };
    },
    async claimProved(actor, { hash }) {
      const user = await users.claim(actor.person.id);
      const isStill = (await users.findPasswordHash(actor.person.id)) === hash;
      if (user?.status !== 'ACTIVE' || !isStill) throw new Problem('INVALID_CREDENTIALS');
      return user;
    },
  };
}
