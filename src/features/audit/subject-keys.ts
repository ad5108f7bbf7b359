/**
 * What an entry says about a person is sealed with the key of that person: the values before and after
 * with the key of the subject, address and user agent with the key of the actor. Entries can never be
 * removed; erasing a person removes the key, and these parts become unreadable.
 */
import { randomBytes } from 'node:crypto';
import { deriveKey } from '../../crypto/keys.ts';
import { seal, tryUnseal, unseal } from '../../crypto/sealed-box.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { clientKeyIdOf, clientLabelOf, type EntryRow, nobodyId } from './entry.ts';

export interface SubjectKeys {
  /** The key that `sealedKey` is, as the row holds it. */
  open(subjectId: string, sealedKey: Buffer): Buffer;
  /**
   * Makes the key of an account that had none a moment ago. The key of an account that was erased
   * meanwhile is not stored: nothing about it can be read later. Needs a transaction.
   */
  create(subjectId: string): Promise<Buffer>;
  /** The keys there are, by person; without those that SECRET_KEY does not open. */
  find(subjectIds: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  /** Makes everything sealed with the person's key unreadable for good. */
  forget(subjectId: string): Promise<void>;
}

/** SQL: whether the key of `id`, which is inserted twice, has to exist: of an account, or of entries without a person. */
const ownerExistsSql = (id: string) =>
  `(${id} = '${nobodyId}' or exists (select 1 from users where users.id = ${id}))`;

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
      const key = randomBytes(32);
      await query(
        `insert into audit_subject_keys select ?::uuid, ?::bytea
         where ${ownerExistsSql('?::uuid')} on conflict do nothing`,
        [subjectId, seal(sealingKey, subjectId, key), subjectId, subjectId],
      );
      return (await find([subjectId])).get(subjectId) ?? key;
    },
    async forget(subjectId) {
      await query('delete from audit_subject_keys where subject_id = ?', [subjectId]);
    },
  };
}

export interface Seals {
  /**
   * The ids of entries that cannot be read although nobody was erased: the key of a person was removed
   * or replaced.
   */
  unreadable(rows: readonly EntryRow[]): Promise<ReadonlySet<string>>;
}

export function createSeals(query: UnitOfWork['query'], subjectKeys: SubjectKeys): Seals {
  /** Those whose key only an erasure removes. */
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
