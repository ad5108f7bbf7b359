/**
 * What an entry says about a person is sealed with the key of that person: the values before and after
 * with the key of the subject, address and user agent with the key of the actor. Entries can never be
 * removed; erasing a person removes the key, and these parts become unreadable.
 */
import { randomBytes } from 'node:crypto';
import { deriveKey } from '../../core/keys.ts';
import { seal, tryUnseal, unseal } from '../../core/sealed-box.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { nobodyId } from './entry.ts';

export interface SubjectKeys {
  /** The key that `sealedKey` is, as the row holds it. */
  open(subjectId: string, sealedKey: Buffer): Buffer;
  /**
   * Makes the key of an account that had none a moment ago. The key of an account that was erased
   * meanwhile is not stored: nothing about it can be read later. Needs a transaction.
   */
  make(subjectId: string): Promise<Buffer>;
  /** The keys there are, by person; without those that SECRET_KEY does not open. */
  find(subjectIds: readonly string[]): Promise<ReadonlyMap<string, Buffer>>;
  /** Makes everything sealed with the person's key unreadable for good. */
  forget(subjectId: string): Promise<void>;
}

/** SQL: whether the key of `id`, which is inserted twice, has to exist: of an account, or of entries without a person. */
export const ownerExistsSql = (id: string) =>
  `(${id} = '${nobodyId}' or exists (select 1 from users where users.id = ${id}))`;

export function createSubjectKeys(query: UnitOfWork['query'], secretKey: string): SubjectKeys {
  const sealingKey = deriveKey(secretKey, 'audit-subject-key');

  const open: SubjectKeys['open'] = (id, sealedKey) => unseal(sealingKey, id, sealedKey);

  const find: SubjectKeys['find'] = async (subjectIds) => {
    const rows = await query<{ subject_id: string; sealed_key: Buffer }>(
      `select subject_id, sealed_key from audit_subject_keys
       where subject_id = any(string_to_array(?, ' ')::uuid[])`,
      [subjectIds.join(' ')],
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
    async make(subjectId) {
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
