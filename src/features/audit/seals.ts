/** Whether the sealed parts of entries can be opened, as long as the accounts that they are about exist. */
import { tryUnseal } from '../../core/sealed-box.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import { clientKeyIdOf, clientLabelOf, type EntryRow } from './entry.ts';
import { ownerExistsSql, type SubjectKeys } from './subject-keys.ts';

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
      `select owner.id::text as id from unnest(string_to_array(?, ' ')::uuid[]) owner (id)
       where ${ownerExistsSql('owner.id')}`,
      [ownerIds.join(' ')],
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
