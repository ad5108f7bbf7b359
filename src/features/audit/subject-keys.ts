/**
 * The keys that seal personal data in the audit log. The key of the subject seals the values before and
 * after a change; the key of the actor seals IP address and user agent. Entries are never removed: the
 * erasure of an account removes its key, and this data becomes unreadable.
 */
import { randomBytes } from 'node:crypto';
import { deriveKey } from '../../crypto/keys.ts';
import { seal, tryUnseal, unseal } from '../../crypto/sealed-box.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { clientKeyIdOf, clientLabelOf, type EntryRow, nilId } from './entry.ts';

const keyBytes = 32;

/** Random keys. One call for all is much faster than one for each. */
export function newSubjectKeys(count: number): readonly Buffer[] {
  const bytes = randomBytes(keyBytes * count);
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(keyBytes * index, keyBytes * (index + 1)),
  );
}

export interface SubjectKeys {
  /** Unseals a key of a row. */
  open(subjectId: string, sealedKey: Buffer): Buffer;
  /**
   * Returns the key of an account, and creates it for an account without one. The key of an account that was erased in the meantime is not
   * stored, so that its data stays unreadable.
   */
  create(subjectId: string): Promise<Buffer>;
  /** The same for many accounts. @param given new keys of new accounts */
  createMany(
    subjectIds: readonly string[],
    given?: ReadonlyMap<string, Buffer>,
  ): Promise<ReadonlyMap<string, Buffer>>;
  /** The existing keys by their owner, without those that SECRET_KEY does not open. */
  find(subjectIds: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  /** Removes the key, so that all data sealed with it becomes unreadable. */
  forget(subjectId: string): Promise<void>;
}

/**
 * SQL: whether a key for `id` must exist, which is so for accounts and the nil id. Contains `id` twice.
 *
 * @param lock of the account, such as `for key share`, which waits for the end of an erasure
 */
const ownerExistsSql = (id: string, lock = '') =>
  `(${id} = '${nilId}' or exists (select 1 from users where users.id = ${id} ${lock}))`;

export function createSubjectKeys(query: UnitOfWork['query'], secretKey: string): SubjectKeys {
  const sealingKey = deriveKey(secretKey, 'audit-subject-key');

  const open: SubjectKeys['open'] = (id, sealedKey) => unseal(sealingKey, id, sealedKey);

  const find: SubjectKeys['find'] = async (subjectIds) => {
    const rows = await query<{ subject_id: string; sealed_key: Buffer }>(
      `select subject_id, sealed_key from audit_subject_keys
       where subject_id = any(?::uuid[])`,
      [subjectIds],
    );
    return new Map(
      rows.flatMap(({ subject_id: id, sealed_key: box }) => {
        const key = tryUnseal(sealingKey, id, box);
        return key === undefined ? [] : [[id, key]];
      }),
    );
  };

  return {
    open,
    find,
    async create(subjectId) {
      const key = randomBytes(keyBytes);
      await query(
        `insert into audit_subject_keys select ?::uuid, ?::bytea
         where ${ownerExistsSql('?::uuid', 'for key share')} on conflict do nothing`,
        [subjectId, seal(sealingKey, subjectId, key), subjectId, subjectId],
      );
      return (await find([subjectId])).get(subjectId) ?? key;
    },
    async createMany(subjectIds, given = new Map()) {
      const known = await find(subjectIds.filter((id) => !given.has(id)));
      const missing = [...new Set(subjectIds)].filter((id) => !known.has(id));
      const keys = newSubjectKeys(missing.length);
      const created = new Map(
        missing.map((id, index) => [id, given.get(id) ?? keys[index] ?? randomBytes(keyBytes)]),
      );
      const boxes = [...created].map(([id, key]) => seal(sealingKey, id, key));
      const inserted = await query(
        `insert into audit_subject_keys
         select subject.id, subject.sealed_key from unnest(?::uuid[], ?::bytea[]) subject (id, sealed_key)
         where ${ownerExistsSql('subject.id', 'for key share')} on conflict do nothing returning subject_id`,
        [missing, boxes],
      );
      if (inserted.length === missing.length) return new Map([...created, ...known]);
      // Another transaction has created a key in the meantime, or has erased an account.
      return new Map([...created, ...known, ...(await find(missing))]);
    },
    async forget(subjectId) {
      await query('delete from audit_subject_keys where subject_id = ?', [subjectId]);
    },
  };
}

export interface SealCheck {
  /**
   * The ids of the entries that do not open although their person was not erased: the key was removed or
   * replaced.
   */
  unreadable(rows: readonly EntryRow[]): Promise<ReadonlySet<string>>;
}

export function createSealCheck(query: UnitOfWork['query'], subjectKeys: SubjectKeys): SealCheck {
  /** The owners that must have a key. */
  const ownersWithKey = async (ownerIds: readonly string[]): Promise<ReadonlySet<string>> => {
    const rows = await query<{ id: string }>(
      `select owner.id::text as id from unnest(?::uuid[]) owner (id)
       where ${ownerExistsSql('owner.id')}`,
      [ownerIds],
    );
    return new Set(rows.map(({ id }) => id));
  };

  return {
    async unreadable(rows) {
      const owners = rows.flatMap((row) => [row.subject_id, clientKeyIdOf(row)]);
      const ownerIds = [...new Set(owners)].filter((id) => id !== null);
      const required = await ownersWithKey(ownerIds);
      const keys = await subjectKeys.find(ownerIds);
      const opens = (ownerId: string, label: string, box: Buffer) => {
        const key = keys.get(ownerId);
        if (!required.has(ownerId)) return true;
        return key !== undefined && tryUnseal(key, label, box) !== undefined;
      };
      const isReadable = (row: EntryRow) =>
        opens(row.subject_id, row.id, row.details) &&
        (row.client === null || opens(clientKeyIdOf(row), clientLabelOf(row.id), row.client));
      return new Set(rows.filter((row) => !isReadable(row)).map(({ id }) => id));
    },
  };
}
