/**
 * One-time passwords: issued with a mail, used up by one conditional UPDATE, so that of any number
 * of parallel callers exactly one wins.
 */
import { v7 as uuidv7 } from 'uuid';
import { type Clock, secondsAfter } from '../../core/clock.ts';
import { digestOf, looksLikeSecret, type OneTimeSecrets } from '../../core/one-time-secret.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import type { User } from '../users/user.entity.ts';
import {
  OneTimePassword,
  type OneTimePasswordKind,
  type Registration,
} from './one-time-password.entity.ts';

/** As many registrations of one unproved address wait at once; the oldest gives way. */
const liveRegistrationsPerAddress = 5;

export interface Consumed {
  /** The address that the secret proves. */
  readonly email: string;
  readonly registration: Registration | null;
}

export interface OneTimePasswords {
  /** Records a verification code, and with it its mail. Needs a transaction. */
  issueVerification(user: User, registration?: Registration): Promise<void>;
  /**
   * Replaces every waiting verification code of the user by a new one for the same registration,
   * unless that was done within the cool-down. Needs a transaction that holds the user's lock.
   */
  reissueVerifications(user: User): Promise<void>;
  /**
   * Whose secret it is, used up or not. Lock that user before anything else is touched: everybody
   * takes the locks in this order, so that nobody waits in a circle.
   */
  ownerOf(kind: OneTimePasswordKind, secret: string): Promise<string | undefined>;
  /** Uses a secret up; nothing when it is wrong, used, expired or replaced. Needs a transaction. */
  consume(kind: OneTimePasswordKind, secret: string): Promise<Consumed | undefined>;
  /** Ends all that wait. Needs a transaction. */
  endAll(userId: string, kind: OneTimePasswordKind): Promise<void>;
}

export interface OneTimePasswordsParts {
  readonly unitOfWork: UnitOfWork;
  readonly secrets: OneTimeSecrets;
  readonly clock: Clock;
  readonly verifyCodeTtlSeconds: number;
  readonly resendCooldownSeconds: number;
}

export function createOneTimePasswords(parts: OneTimePasswordsParts): OneTimePasswords {
  const { em, query } = parts.unitOfWork;

  const issue = (user: User, registration: Registration | null, isResend: boolean) => {
    const id = uuidv7();
    const now = parts.clock();
    em.persist(
      em.create(OneTimePassword, {
        id,
        user,
        kind: 'verify-email',
        digest: digestOf(parts.secrets.derive(id)),
        email: user.email,
        registration,
        isResend,
        createdAt: now,
        expiresAt: secondsAfter(now, parts.verifyCodeTtlSeconds),
      }),
    );
  };

  /** Newest first. An expired one still waits: it can be sent again, with a new secret. */
  const waitingVerifications = (user: User) =>
    em.find(
      OneTimePassword,
      { user, kind: 'verify-email', endedAt: null },
      { orderBy: { id: 'desc' } },
    );

  return {
    async issueVerification(user, registration) {
      const waiting = await waitingVerifications(user);
      for (const surplus of waiting.slice(liveRegistrationsPerAddress - 1)) {
        surplus.endedAt = parts.clock();
      }
      issue(user, registration ?? null, false);
    },

    async reissueVerifications(user) {
      const waiting = await waitingVerifications(user);
      const coolAt = secondsAfter(parts.clock(), -parts.resendCooldownSeconds);
      if (waiting.some(({ isResend, createdAt }) => isResend && createdAt > coolAt)) return;
      for (const replaced of waiting) {
        replaced.endedAt = parts.clock();
        issue(user, replaced.registration ?? null, true);
      }
    },

    async ownerOf(kind, secret) {
      if (!looksLikeSecret(secret)) return undefined;
      const [row] = await query<{ user_id: string }>(
        'select user_id from one_time_passwords where digest = ? and kind = ?',
        [digestOf(secret), kind],
      );
      return row?.user_id;
    },

    async consume(kind, secret) {
      const now = parts.clock();
      const [row] = await query<Consumed>(
        `update one_time_passwords set ended_at = ?
          where digest = ? and kind = ? and ended_at is null and expires_at > ?
          returning email, registration`,
        [now, digestOf(secret), kind, now],
      );
      return row;
    },

    async endAll(userId, kind) {
      await query(
        'update one_time_passwords set ended_at = ? where user_id = ? and kind = ? and ended_at is null',
        [parts.clock(), userId, kind],
      );
    },
  };
}
