/**
 * Pending registrations: added, mailed, consumed and deleted. Other files decide which mail an address
 * gets.
 */
import { v7 as uuidv7 } from 'uuid';
import type { EmailAddress, Username } from '../../core/parse.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import { digestOf, looksLikeSecret, type OneTimeSecrets } from '../../crypto/one-time-secret.ts';
import type { Statement, UnitOfWork } from '../../database/transaction.ts';
import { addJobSql, type NewJob } from '../../jobs/worker.ts';
import { enqueueMail } from '../../mail/outbox.ts';
import type { AttemptLimits } from '../../rate-limit/attempt-limits.ts';
import { Registration } from './registration.entity.ts';

/** The largest number of registrations of one address with a live code. More are dropped. */
const liveRegistrationsPerAddress = 5;

export interface NewRegistration {
  readonly email: EmailAddress;
  readonly passwordHash: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly username: Username | undefined;
  readonly locale: string;
}

/** A registration that was deleted from the table by its code or by an administrator. */
export interface TakenRegistration {
  readonly id: string;
  readonly email: EmailAddress;
  readonly passwordHash: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly username: Username | null;
  readonly locale: string | null;
  /** The id of the code: its long and its short form are derived from it. */
  readonly codeId: string;
  readonly digest: string;
  readonly failedShortCodes: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export type PendingRegistration = Pick<TakenRegistration, 'id' | 'email' | 'passwordHash'>;

export interface PendingRegistrations {
  /**
   * Adds a registration, unless the address already has five with a live code, and queues a job. The same statement
   * in every case, which is a transaction.
   */
  add(registration: NewRegistration, job: NewJob): Promise<void>;
  /** The registration of a live code. */
  find(code: string): Promise<PendingRegistration | undefined>;
  /** Whether a registration has this code, live or expired. */
  isKnown(code: string): Promise<boolean>;
  /**
   * Deletes and returns the registration of a live code. Of parallel callers exactly one gets it.
   * Needs a transaction that holds the lock of the address.
   */
  consume(code: string): Promise<TakenRegistration | undefined>;
  /** The same by id, with a live or an expired code. */
  take(id: string): Promise<TakenRegistration | undefined>;
  /** The address of a registration. Lock it before any user. */
  emailOf(id: string): Promise<EmailAddress | undefined>;
  removeAllOf(email: EmailAddress): Promise<void>;
  /**
   * The same without those that another transaction uses. For a transaction that holds the lock of a user, and
   * therefore must not wait for one that holds the lock of the address.
   */
  removeUnlockedOf(email: string): Promise<void>;
  /**
   * Queues one mail with the codes of all registrations of the address, if one was not mailed yet.
   * Needs a transaction that holds the lock of the address.
   *
   * @returns the seconds until the next attempt, when the last mail is less than a minute old or the limit
   *   of the recipient is exhausted
   */
  mailCodes(email: EmailAddress): Promise<number | undefined>;
  /**
   * Gives every registration of the address a new code and queues one mail with them. Does nothing
   * within a minute of the last mail, except for the first new code of a single registration. Needs a
   * transaction that holds the lock of the address.
   */
  renewCodes(email: EmailAddress): Promise<void>;
}

export interface PendingRegistrationsDeps {
  readonly unitOfWork: UnitOfWork;
  readonly secrets: OneTimeSecrets;
  readonly clock: Clock;
  readonly verifyCodeTtlSeconds: number;
  readonly mailCooldownSeconds: number;
  readonly attemptLimits: Pick<AttemptLimits, 'limitMail'>;
}

const columns = `id, email, password_hash as "passwordHash", first_name as "firstName",
  last_name as "lastName", username, locale, code_id as "codeId", digest,
  failed_short_codes as "failedShortCodes", created_at as "createdAt", expires_at as "expiresAt"`;

const addStatement: Statement = {
  name: 'add-registration',
  text: `select add_registration($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11),
    ${addJobSql('$12', '$13')}`,
};

export function createPendingRegistrations(deps: PendingRegistrationsDeps): PendingRegistrations {
  const { unitOfWork, secrets, clock, verifyCodeTtlSeconds, mailCooldownSeconds } = deps;
  const { em, query, execute } = unitOfWork;

  const allOf = (email: EmailAddress) =>
    em.find(Registration, { email }, { orderBy: { createdAt: 'asc', id: 'asc' } });

  /** Seconds until the next mail to the address may be queued; 0 or less when it may be now. */
  const secondsToWait = (registrations: readonly Registration[]): number => {
    const mailedAt = Math.max(...registrations.map((each) => each.mailedAt?.getTime() ?? 0));
    return (mailedAt - clock().getTime()) / 1000 + mailCooldownSeconds;
  };

  /** Queues a mail within the limit of the recipient. Returns whether it is queued. */
  const queueMail = (
    email: EmailAddress,
    registrations: readonly Registration[],
    prepare: () => void = () => undefined,
  ) =>
    deps.attemptLimits.limitMail(email, 'mail-recipient', () => {
      prepare();
      const mailedAt = clock();
      for (const registration of registrations) registration.mailedAt = mailedAt;
      const codeIds = registrations.map(({ codeId }) => codeId);
      return enqueueMail(em, { mail: 'verify-email', to: email, codeIds });
    });

  return {
    async add({ email, passwordHash, firstName, lastName, username, locale }, { task, payload }) {
      const id = uuidv7();
      const now = clock();
      const digest = digestOf(secrets.derive(id));
      await execute(addStatement, [
        ...[id, email, passwordHash, firstName, lastName, username ?? null, locale, digest],
        ...[now, secondsAfter(now, verifyCodeTtlSeconds), liveRegistrationsPerAddress],
        ...[task, JSON.stringify(payload)],
      ]);
    },

    async find(code) {
      if (!looksLikeSecret(code)) return undefined;
      const [row] = await query<PendingRegistration>(
        `select ${columns} from registrations where digest = ? and expires_at > ?`,
        [digestOf(code), clock()],
      );
      return row;
    },

    async isKnown(code) {
      if (!looksLikeSecret(code)) return false;
      const digest = digestOf(code);
      const rows = await query('select 1 as one from registrations where digest = ?', [digest]);
      return rows.length > 0;
    },

    async consume(code) {
      const [row] = await query<TakenRegistration>(
        `delete from registrations where digest = ? and expires_at > ? returning ${columns}`,
        [digestOf(code), clock()],
      );
      return row;
    },

    async take(id) {
      const [row] = await query<TakenRegistration>(
        `delete from registrations where id = ? returning ${columns}`,
        [id],
      );
      return row;
    },

    async emailOf(id) {
      const [row] = await query<{ email: EmailAddress }>(
        'select email from registrations where id = ?',
        [id],
      );
      return row?.email;
    },

    async removeAllOf(email) {
      await query('delete from registrations where email = ?', [email]);
    },

    async removeUnlockedOf(email) {
      await query(
        `delete from registrations where id in (
           select id from registrations where email = ? for update skip locked
         )`,
        [email],
      );
    },

    async mailCodes(email) {
      const all = await allOf(email);
      const now = clock();
      const live = all.filter(({ expiresAt }) => expiresAt > now);
      if (live.every(({ mailedAt }) => mailedAt !== null)) return undefined;
      const seconds = secondsToWait(all);
      if (seconds > 0) return seconds;
      return (await queueMail(email, live)) ? undefined : mailCooldownSeconds;
    },

    async renewCodes(email) {
      const all = await allOf(email);
      if (all.length === 0) return;
      const isFirstNewCode = all.length === 1 && all.every(({ id, codeId }) => id === codeId);
      if (secondsToWait(all) > 0 && !isFirstNewCode) return;
      const now = clock();
      // Live ones first, then the newest, so that the mail stays short.
      const isLive = ({ expiresAt }: Registration) => expiresAt > now;
      const byUse = [...all.filter(isLive), ...all.filter((it) => !isLive(it)).reverse()];
      const renewed = byUse.slice(0, liveRegistrationsPerAddress);
      await queueMail(email, renewed, () => {
        for (const registration of renewed) {
          registration.codeId = uuidv7();
          registration.digest = digestOf(secrets.derive(registration.codeId));
          registration.failedShortCodes = 0;
          registration.expiresAt = secondsAfter(now, verifyCodeTtlSeconds);
        }
      });
    },
  };
}
