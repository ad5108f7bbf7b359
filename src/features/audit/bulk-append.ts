/** Appends the entries of many users in one transaction with a constant number of statements. */
import type { Chains } from './chains.ts';
import { nilId, type UnchainedEntry } from './entry.ts';
import { newSubjectKeys, type SubjectKeys } from './subject-keys.ts';

export interface BulkAppend<Entry extends object> {
  sealAhead(entries: readonly Entry[]): void;
  /** Returns the appended rows. Needs a transaction. */
  append(entries: readonly Entry[]): Promise<readonly UnchainedEntry[]>;
}

export function createBulkAppend<Entry extends object>(deps: {
  readonly chains: Pick<Chains, 'lock' | 'append'>;
  readonly subjectKeys: Pick<SubjectKeys, 'createMany'>;
  readonly subjectIdOf: (entry: Entry) => string;
  /** Seals an entry of the operator with the key of its user. */
  readonly seal: (entry: Entry, key: Buffer) => UnchainedEntry;
}): BulkAppend<Entry> {
  const { chains, subjectIdOf, seal } = deps;
  const sealed = new WeakMap<Entry, { readonly key: Buffer; readonly row: UnchainedEntry }>();

  return {
    sealAhead(entries) {
      const keys = newSubjectKeys(entries.length);
      for (const [index, entry] of entries.entries()) {
        const key = keys[index];
        if (key) sealed.set(entry, { key, row: seal(entry, key) });
      }
    },

    async append(entries) {
      if (entries.length === 0) return [];
      const ahead = entries.flatMap((entry) => {
        const key = sealed.get(entry)?.key;
        return key ? [[subjectIdOf(entry), key] as const] : [];
      });
      const keys = await deps.subjectKeys.createMany(entries.map(subjectIdOf), new Map(ahead));
      const rows = entries.map((entry) => {
        const key = keys.get(subjectIdOf(entry));
        if (!key) throw new Error('the user of an entry has no key');
        const known = sealed.get(entry);
        return known?.key === key ? known.row : seal(entry, key);
      });
      const end = await chains.lock({ subjectId: nilId, clientKeyId: nilId }, true);
      await chains.append(end, rows);
      return rows;
    },
  };
}
