/** The text that ends an import: counts, and the reasons with examples. */

import type { Outcome, ReasonGroup } from '../../../features/user-import/report.ts';
import type { ImportResult } from '../../../features/user-import/request.ts';

export interface ResultOptions {
  readonly 'dry-run': boolean;
  readonly file: string;
}

export function formatResult(result: ImportResult, options: ResultOptions): string {
  const { counts, reasons } = result.tally;
  const isDryRun = options['dry-run'];
  const lines = [
    `${counts.read} people read: ${counts.created} created, ${counts.updated} updated, ${counts.unchanged} unchanged, ${counts.skipped} skipped, ${counts.refused} refused.`,
    ...reasons.map(formatReason),
    ...(isDryRun ? ['This was a dry run: nothing was written.'] : []),
  ];
  return lines.join('\n');
}

const words: Readonly<Record<Outcome, string>> = {
  refused: 'Refused',
  changed: 'Changed',
  skipped: 'Skipped',
};

function formatReason({ outcome, field, reason, count, remedy, examples }: ReasonGroup): string {
  const shown = examples.map(({ line, externalId }) =>
    externalId === null ? `line ${line}` : `line ${line} (${externalId})`,
  );
  const text = `${words[outcome]} ${count}: ${field === null ? '' : `${field}: `}${reason}`;
  return `${text} ${remedy ?? ''}\n  ${shown.join(', ')}`;
}
