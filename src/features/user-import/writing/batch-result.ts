/** The result of one batch: the lines of the report, and the position with the counts after the batch. */
import type { BatchItem } from '../batches.ts';
import { lineOf, type Plan } from '../plan.ts';
import { addToTally, type ImportCounts, type ReportLine } from '../report.ts';
import type { ImportedPerson } from '../validation/person.ts';
import type { AccountChange } from './compare-people.ts';
import type { ImportPosition } from './positions.ts';

/** What the updates of a plan change. */
export interface Changes {
  readonly changes: readonly AccountChange[];
  readonly unchanged: readonly ImportedPerson[];
  readonly lines: readonly ReportLine[];
}

/** The lines of a batch, and the position with the counts after it. */
export function resultOf(
  current: ImportPosition,
  items: readonly BatchItem[],
  plan: Plan,
  { changes, unchanged, lines: refusedChanges }: Changes,
) {
  const refused = items.flatMap((item) => ('line' in item ? [item.line] : []));
  const written = [...plan.creations, ...changes.map(({ person }) => person), ...unchanged];
  const changed = written.flatMap((person) =>
    person.notes.map((note) => lineOf(person, 'changed', note)),
  );
  const withoutAccount = [...refused, ...plan.lines, ...refusedChanges];
  const lines = [...withoutAccount, ...changed].sort((one, other) => one.line - other.line);
  const count = (outcome: ReportLine['outcome']) =>
    withoutAccount.filter((line) => line.outcome === outcome).length;
  const counts: Partial<ImportCounts> = {
    read: items.length,
    created: plan.creations.length,
    updated: changes.length,
    unchanged: unchanged.length,
    refused: count('refused'),
    skipped: count('skipped'),
    changed: written.filter(({ notes }) => notes.length > 0).length,
    withoutPassword: plan.creations.filter(({ password }) => !password).length,
    staff: countNew('isStaff', plan, changes),
    superusers: countNew('isSuperuser', plan, changes),
    demoted: changes.filter(isDemoted).length,
    disabled: changes.filter(isDisabled).length,
  };
  const position = items.at(-1)?.position ?? current.position;
  const tally = addToTally(current.tally, counts, lines);
  return { lines, position: { ...current, position, tally } };
}

/** The accounts that get the flag. */
function countNew(
  flag: 'isStaff' | 'isSuperuser',
  { creations }: Plan,
  changes: readonly AccountChange[],
): number {
  const updated = changes.filter(({ before, after }) => after[flag] && !before[flag]);
  return creations.filter((person) => person[flag] === true).length + updated.length;
}

function isDemoted({ before, after }: AccountChange): boolean {
  return (before.isStaff && !after.isStaff) || (before.isSuperuser && !after.isSuperuser);
}

function isDisabled({ before, after }: AccountChange): boolean {
  return before.status !== after.status && after.status !== 'ACTIVE';
}
