/** The rows of accounts: lookup with locks, creation, password hash, deletion. It checks no permissions. */
import { LockMode, ReferenceKind } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { EmailAddress, Username } from '../../core/parse.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { PasswordHash, User, type UserStatus } from './user.entity.ts';

export interface NewUser {
  readonly email: EmailAddress;
  readonly username?: Username | undefined;
  readonly firstName?: string;
  readonly lastName?: string;
  readonly status: UserStatus;
  readonly isStaff?: boolean;
  readonly isSuperuser?: boolean;
  readonly locale?: string | undefined;
  readonly externalId?: string | null | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly passwordHash?: string;
}

export interface Users {
  /** Locks the address until the transaction ends: no other transaction assigns it to an account. */
  lockAddress(email: EmailAddress): Promise<void>;
  /** The same for the addresses, usernames and external ids of many accounts. */
  lockIdentifiers(identifiers: {
    readonly emails: readonly EmailAddress[];
    readonly usernames: readonly Username[];
    readonly externalIds: readonly string[];
  }): Promise<void>;
  /** Locks the address, and returns its user with a lock. */
  lockByEmail(email: EmailAddress): Promise<User | null>;
  /**
   * Locks the address, and returns the id of its user without a lock. For transactions that hold the lock
   * of another user: two of them could deadlock with each other's users.
   */
  ownerOfEmail(email: EmailAddress): Promise<string | undefined>;
  /** The user, with a lock until the transaction ends. */
  lockById(id: string): Promise<User | null>;
  isUsernameTaken(username: Username): Promise<boolean>;
  /** Locks the username until the transaction ends, and returns whether it is free. */
  lockByUsername(username: Username): Promise<boolean>;
  /** The same for the id of another system. */
  lockByExternalId(externalId: string): Promise<boolean>;
  hasSuperuser(): Promise<boolean>;
  /**
   * Protects the last active superuser. The lock lasts until the transaction ends.
   *
   * @throws PROTECTED when the user is that one
   */
  requireAnotherSuperuser(user: User): Promise<void>;
  findPasswordHash(userId: string): Promise<string | undefined>;
  /** Persists the user: the flush of the transaction inserts the row. */
  create(user: NewUser): User;
  setPasswordHash(user: User, hash: string): Promise<void>;
  remove(user: User): Promise<void>;
}

/** SQL: the columns from which \`em.map(User, row)\` creates the entity. `row` is SQL too. */
export function userColumns(em: EntityManager, row: string): string {
  const scalars = em.getMetadata(User).props.filter(({ kind }) => kind === ReferenceKind.SCALAR);
  return scalars.flatMap(({ fieldNames }) => fieldNames.map((name) => `${row}.${name}`)).join(', ');
}

const passwordHashSql = 'select password_hash as hash from password_hashes where user_id = ?';

/** SQL: the unique key of a username, in lower case. Usernames are ASCII, so the collation is `C`. */
export const usernameKeyOf = (sql: string) => `lower(${sql} collate "C")`;
const usernameKey = usernameKeyOf('username');

export function createUsers({ em, lock, lockAll, query }: UnitOfWork): Users {
  const isUsernameTaken = async (username: Username) => {
    const rows = await query(`select 1 from users where ${usernameKey} = ${usernameKeyOf('?')}`, [
      username,
    ]);
    return rows.length > 0;
  };

  const addressLock = (email: EmailAddress) => `email:${email}`;
  const usernameLock = (username: Username) => `username:${username.toLowerCase()}`;
  const externalIdLock = (externalId: string) => `external-id:${externalId}`;
  const lockAddress = (email: EmailAddress) => lock(addressLock(email));

  return {
    lockAddress,
    async lockIdentifiers({ emails, usernames, externalIds }) {
      await lockAll(emails.map(addressLock));
      await lockAll(usernames.map(usernameLock));
      await lockAll(externalIds.map(externalIdLock));
    },
    async lockByEmail(email) {
      await lockAddress(email);
      return em.findOne(User, { email }, { lockMode: LockMode.PESSIMISTIC_WRITE });
    },
    async ownerOfEmail(email) {
      await lockAddress(email);
      const [row] = await query<{ id: string }>('select id from users where email = ?', [email]);
      return row?.id;
    },
    lockById: (id) => em.findOne(User, { id }, { lockMode: LockMode.PESSIMISTIC_WRITE }),
    isUsernameTaken,
    async lockByUsername(username) {
      await lock(usernameLock(username));
      return !(await isUsernameTaken(username));
    },
    async lockByExternalId(externalId) {
      await lock(externalIdLock(externalId));
      const rows = await query('select 1 from users where external_id = ?', [externalId]);
      return rows.length === 0;
    },
    async hasSuperuser() {
      const rows = await query(
        "select 1 from users where is_superuser and status = 'ACTIVE' limit 1",
      );
      return rows.length > 0;
    },
    async requireAnotherSuperuser(user) {
      if (!user.isSuperuser || user.status !== 'ACTIVE') return;
      await lock('gatehouse:superusers');
      const others = await query(
        "select 1 from users where is_superuser and status = 'ACTIVE' and id <> ? limit 1",
        [user.id],
      );
      if (others.length === 0) throw new Problem('PROTECTED');
    },
    async findPasswordHash(userId) {
      const [row] = await query<{ hash: string }>(passwordHashSql, [userId]);
      return row?.hash;
    },
    create({ passwordHash, username, locale, externalId, metadata, ...columns }) {
      const user = em.create(User, {
        ...columns,
        username: username ?? null,
        emailVerifiedAt: null,
        locale: locale ?? null,
        externalId: externalId ?? null,
        metadata: metadata ?? {},
      });
      em.persist(user);
      if (passwordHash !== undefined)
        em.persist(em.create(PasswordHash, { user, hash: passwordHash }));
      return user;
    },
    async setPasswordHash(user, hash) {
      const stored = await em.findOne(PasswordHash, { user });
      if (stored) stored.hash = hash;
      else em.persist(em.create(PasswordHash, { user, hash }));
    },
    async remove(user) {
      await em.remove(user).flush();
    },
  };
}
