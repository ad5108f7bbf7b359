/** Protects the last active superuser from an import. */
import type { UnitOfWork } from '../../../database/transaction.ts';
import { lineOf } from '../plan.ts';
import type { ReportLine } from '../report.ts';
import type { AccountChange } from './compare-people.ts';

export interface ProtectedChanges {
  readonly changes: readonly AccountChange[];
  /** The refused person, if there is one. */
  readonly lines: readonly ReportLine[];
}

/** Leaves out the change after which no superuser is active. A lock lasts until the transaction ends. */
export type ProtectLastSuperuser = (
  changes: readonly AccountChange[],
  isLocking: boolean,
) => Promise<ProtectedChanges>;

const isActiveSuperuser = ({ isSuperuser, status }: AccountChange['after']) =>
  isSuperuser && status === 'ACTIVE';

export function createProtectLastSuperuser({
  query,
  lock,
}: Pick<UnitOfWork, 'query' | 'lock'>): ProtectLastSuperuser {
  return async (changes, isLocking) => {
    const losing = changes.filter(
      ({ before, after }) => isActiveSuperuser(before) && !isActiveSuperuser(after),
    );
    const last = losing.at(-1);
    if (!last) return { changes, lines: [] };
    if (isLocking) await lock('gatehouse:superusers');
    const others = await query(
      `select 1 from users where is_superuser and status = 'ACTIVE' and id <> all(?::uuid[]) limit 1`,
      [losing.map(({ userId }) => userId)],
    );
    if (others.length > 0) return { changes, lines: [] };
    const reason = {
      field: 'isSuperuser',
      reason: 'This account is the last active superuser, which stays one.',
      remedy: 'Create another superuser first.',
    };
    return {
      changes: changes.filter(({ userId }) => userId !== last.userId),
      lines: [lineOf(last.person, 'refused', reason)],
    };
  };
}
