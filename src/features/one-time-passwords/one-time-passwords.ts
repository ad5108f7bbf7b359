/**
 * One-time passwords. Each is issued with a mail. One conditional UPDATE consumes it, so that of parallel
 * callers exactly one succeeds.
 */
import { v7 as uuidv7 } from 'uuid';
import type { EmailAddress } from '../../core/parse.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import { digestOf, looksLikeSecret, type OneTimeSecrets } from '../../crypto/one-time-secret.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { User } from '../users/user.entity.ts';
import { OneTimePassword, type OneTimePasswordKind } from './one-time-password.entity.ts';

export interface Consumed {
  /** The address that the secret verifies. */
  readonly email: string;
}

export interface Owner {
  readonly userId: string;
  /** The address that the secret verifies. */
  readonly email: string;
  /** Whether it is valid now. */
  readonly isLive: boolean;
}

export interface NewOneTimePassword {
  readonly user: User;
  readonly kind: OneTimePasswordKind;
  /** The recipient, which the secret verifies; by default the address of the user. */
  readonly email?: EmailAddress;
}

/** How many of one kind were issued to a user. Deleted ones are not counted. */
export interface IssuedCounts {
  readonly total: number;
  readonly withinHour: number;
  readonly withinMinute: number;
  /** How many are valid now. */
  readonly live: number;
}

export interface OneTimePasswords {
  /** Issues one and queues its mail. Needs a transaction. */
  issue(password: NewOneTimePassword): void;
  issuedCounts(user: User, kind: OneTimePasswordKind): Promise<IssuedCounts>;
  /**
   * The owner of a secret, valid or not. Lock first the address and then the user: all transactions use
   * this order, so that none deadlock.
   */
  ownerOf(kind: OneTimePasswordKind, secret: string): Promise<Owner | undefined>;
  /** Whether this secret was issued, of any kind, valid or not. */
  isKnown(secret: string): Promise<boolean>;
  /** Consumes a secret; undefined when it is wrong, used, expired or replaced. Needs a transaction. */
  consume(kind: OneTimePasswordKind, secret: string): Promise<Consumed | undefined>;
  /** Ends all valid ones of these kinds. Needs a transaction. */
  endAll(userId: string, kinds: readonly OneTimePasswordKind[]): Promise<void>;
}

export interface OneTimePasswordsDeps {
  readonly unitOfWork: UnitOfWork;
  readonly secrets: OneTimeSecrets;
  readonly clock: Clock;
  readonly verifyCodeTtlSeconds: number;
  readonly resetTokenTtlSeconds: number;
}

export function createOneTimePasswords(deps: OneTimePasswordsDeps): OneTimePasswords {
  const { em, query } = deps.unitOfWork;

  const issue = ({ user, kind, email }: NewOneTimePassword): void => {
    const id = uuidv7();
    const now = deps.clock();
    const ttlSeconds =
      kind === 'reset-password' ? deps.resetTokenTtlSeconds : deps.verifyCodeTtlSeconds;
    em.persist(
      em.create(OneTimePassword, {
        id,
        user,
        kind,
        digest: digestOf(deps.secrets.derive(id)),
        email: email ?? user.email,
        createdAt: now,
        expiresAt: secondsAfter(now, ttlSeconds),
      }),
    );
  };

  return {
    issue,

    async issuedCounts(user, kind) {
      const now = deps.clock();
      const [row] = await query<IssuedCounts>(
        `select count(*)::int as total,
           (count(*) filter (where created_at > ?))::int as "withinHour",
           (count(*) filter (where created_at > ?))::int as "withinMinute",
           (count(*) filter (where ended_at is null and expires_at > ?))::int as live
         from one_time_passwords where user_id = ? and kind = ?`,
        [secondsAfter(now, -3600), secondsAfter(now, -60), now, user.id, kind],
      );
      if (!row) throw new Error('a count has a row');
      return row;
    },

    async ownerOf(kind, secret) {
      if (!looksLikeSecret(secret)) return undefined;
      const [row] = await query<{ user_id: string; email: string; is_live: boolean }>(
        `select user_id, email, ended_at is null and expires_at > ? as is_live
         from one_time_passwords where digest = ? and kind = ?`,
        [deps.clock(), digestOf(secret), kind],
      );
      return row && { userId: row.user_id, email: row.email, isLive: row.is_live };
    },

    async isKnown(secret) {
      if (!looksLikeSecret(secret)) return false;
      const rows = await query('select 1 as one from one_time_passwords where digest = ?', [
        digestOf(secret),
      ]);
      return rows.length > 0;
    },

    async consume(kind, secret) {
      const now = deps.clock();
      const [row] = await query<Consumed>(
        `update one_time_passwords set ended_at = ?
          where digest = ? and kind = ? and ended_at is null and expires_at > ?
          returning email`,
        [now, digestOf(secret), kind, now],
      );
      return row;
    },

    async endAll(userId, kinds) {
      await query(
        `update one_time_passwords set ended_at = ?
          where user_id = ? and ended_at is null and kind = any(?::text[])`,
        [deps.clock(), userId, kinds],
      );
    },
  };
}
