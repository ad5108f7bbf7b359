/** The rows of API keys: creation, lists, revocation and deletion. It checks no permissions. */
import { v7 as uuidv7 } from 'uuid';
import { Problem } from '../../core/errors.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import { createApiKeySecret } from '../../crypto/api-key.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Tasks } from '../../jobs/tasks.ts';
import type { Audit } from '../audit/audit.ts';
import { ApiKey } from './api-key.entity.ts';

/** The owner of a key. */
export type KeyOwner = Pick<ApiKey, 'userId' | 'serviceAccountId'>;

export interface NewKey {
  readonly owner: KeyOwner;
  readonly name: string;
  readonly permissions: readonly string[] | null;
  readonly expiresAt: Date | null;
}

export interface CreatedKey {
  readonly apiKey: ApiKey;
  /** The key itself. It is shown once and never stored. */
  readonly secret: string;
}

export type OwnerColumn = 'user_id' | 'service_account_id';

export interface ApiKeys {
  /**
   * Needs a transaction that has locked the owner. An owner has at most 100 keys that are not revoked. Beyond
   * that the oldest expired keys are revoked.
   *
   * @throws VALIDATION_FAILED when the owner has the largest number of valid keys
   */
  create(key: NewKey): Promise<CreatedKey>;
  /** Null for an unknown or revoked one. */
  findById(id: string): Promise<ApiKey | null>;
  /** Needs a transaction. Of parallel callers one revokes. @throws NOT_FOUND for a revoked one */
  revoke(key: ApiKey): Promise<void>;
  /** Revokes all keys of a user, and returns their number. */
  revokeAllOfUser(userId: string, reason: string): Promise<number>;
  /** The keys of owners that are not revoked, newest first. Expired keys stay for thirty days. */
  listOf(column: OwnerColumn, ownerIds: readonly string[]): Promise<ReadonlyMap<string, ApiKey[]>>;
  readonly tasks: Tasks;
  /** When the task runs, in crontab format. */
  readonly schedule: string;
}

/**
 * Keys of one owner that are not revoked, expired ones included. It bounds the lists, and it is the largest number of
 * ids that the database announces one by one: a larger change clears the caches of all replicas.
 */
const maxKeysPerOwner = 100;
const purgeTask = 'purge-api-keys';
/** Revoked and expired keys stay in the table for this time, for questions about them. */
const retentionDays = 30;
const purgeBatch = 1000;

export function createApiKeys(deps: {
  readonly unitOfWork: UnitOfWork;
  readonly audit: Pick<Audit, 'append'>;
  readonly clock: Clock;
}): ApiKeys {
  const { em, query, transaction } = deps.unitOfWork;

  /** One statement locks all rows, before an entry of the audit log locks its chain. */
  const revokeKeys = async (ids: readonly string[], after?: object): Promise<number> => {
    const revoked = await query<{ id: string; name: string; userId: string | null }>(
      `update api_keys set revoked_at = ? where id = any(?::uuid[]) and revoked_at is null
       returning id, name, user_id as "userId"`,
      [deps.clock(), ids],
    );
    for (const { id, name, userId } of revoked) {
      await deps.audit.append({
        action: 'api-key-revoked',
        target: { type: 'api-key', id },
        subjectId: userId ?? undefined,
        before: { name },
        ...(after ? { after } : {}),
      });
    }
    return revoked.length;
  };

  /** Revokes the oldest expired keys, so that the owner can have one more. */
  const makeRoom = async ({ userId, serviceAccountId }: KeyOwner) => {
    const keys = await query<{ id: string; total: number; isExpired: boolean }>(
      `select id, (count(*) over ())::int as total, coalesce(expires_at <= ?, false) as "isExpired"
       from api_keys
       where (user_id = ?::uuid or service_account_id = ?::uuid) and revoked_at is null
       order by expires_at, id limit ${maxKeysPerOwner}`,
      [deps.clock(), userId, serviceAccountId],
    );
    const excess = (keys[0]?.total ?? 0) - maxKeysPerOwner + 1;
    if (excess <= 0) return;
    const expired = keys.filter(({ isExpired }) => isExpired).slice(0, excess);
    if (expired.length < excess) {
      const message = `There are ${maxKeysPerOwner} keys already; revoke one first.`;
      throw new Problem('VALIDATION_FAILED', { fields: [{ path: 'input', message }] });
    }
    const ids = expired.map(({ id }) => id);
    await revokeKeys(ids, { reason: 'expired' });
  };

  const purgeOnce = () =>
    transaction(() =>
      query(
        `delete from api_keys where id in (
           select id from api_keys where least(revoked_at, expires_at) < ? limit ? for update skip locked
         ) returning id`,
        [secondsAfter(deps.clock(), -retentionDays * 86_400), purgeBatch],
      ),
    );

  return {
    async create({ owner, name, permissions, expiresAt }) {
      await makeRoom(owner);
      const { secret, prefix, digest } = createApiKeySecret();
      const { userId, serviceAccountId } = owner;
      const [row] = await query(
        `insert into api_keys (
           id, user_id, service_account_id, name, prefix, digest, permissions, created_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?::text[], ?, ?)
         returning id, user_id, service_account_id, name, prefix, permissions, created_at, expires_at,
           revoked_at, last_used_at`,
        [
          uuidv7(),
          userId,
          serviceAccountId,
          name,
          prefix,
          digest,
          permissions,
          deps.clock(),
          expiresAt,
        ],
      );
      if (!row) throw new Error('the key was not inserted');
      const apiKey = em.map(ApiKey, row);
      await deps.audit.append({
        action: 'api-key-created',
        target: { type: 'api-key', id: apiKey.id },
        after: { name, prefix, permissions, expiresAt, ...owner },
      });
      return { apiKey, secret };
    },

    findById: (id) => em.findOne(ApiKey, { id, revokedAt: null }, { refresh: true }),

    async revoke({ id }) {
      if ((await revokeKeys([id])) === 0) throw new Problem('NOT_FOUND');
    },

    revokeAllOfUser: (userId, reason) =>
      transaction(async () => {
        const revoked = await query<{ id: string }>(
          `update api_keys set revoked_at = ? where user_id = ? and revoked_at is null returning id`,
          [deps.clock(), userId],
        );
        if (revoked.length === 0) return 0;
        const apiKeyIds = revoked.map(({ id }) => id);
        const target = { type: 'user', id: userId } as const;
        await deps.audit.append({
          action: 'api-keys-revoked',
          target,
          after: { reason, apiKeyIds },
        });
        return revoked.length;
      }),

    async listOf(column, ownerIds) {
      const property = column === 'user_id' ? 'userId' : 'serviceAccountId';
      const keys = await em.find(
        ApiKey,
        { [property]: ownerIds, revokedAt: null },
        { orderBy: { createdAt: 'desc', id: 'desc' } },
      );
      return Map.groupBy(keys, (key) => key[property] ?? '');
    },

    tasks: {
      [purgeTask]: async () => {
        while ((await purgeOnce()).length === purgeBatch);
      },
    },
    schedule: `23 * * * * ${purgeTask}`,
  };
}
