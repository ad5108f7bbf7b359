/** The text that ends an import: counts, and the reasons with the first lines of each. */
import { countText, peopleText } from '../../../core/text.ts';
import type {
  ImportCounts,
  Outcome,
  Reason,
  ReasonGroup,
} from '../../../features/user-import/report.ts';
import type { ImportResult } from '../../../features/user-import/request.ts';
import type { PositionUnit } from '../../../features/user-import/source.ts';

export interface ResultOptions {
  readonly isDryRun: boolean;
  readonly report: string | undefined;
  readonly seconds: number;
  readonly unit: PositionUnit;
}

export function formatResult(result: ImportResult, options: ResultOptions): string {
  const { counts, reasons } = result.tally;
  return [
    `${peopleText(counts.read)} read: ${counts.created} created, ${counts.updated} updated, ${counts.unchanged} unchanged, ${counts.skipped} skipped, ${counts.refused} refused.`,
    `${countText(counts.changed, 'account has', 'accounts have')} a changed value.`,
    ...rightsLines(counts),
    ...createdLines(result),
    `${options.seconds.toFixed(1)} seconds, ${peopleText(Math.round(result.readNow / options.seconds))} per second.`,
    ...reasons.map((reason) => formatReason(reason, options.unit)),
    ...result.notes.map(formatNote),
    ...reportLines(result, options),
    ...adviceFor(result, options),
  ].join('\n');
}

function rightsLines(counts: ImportCounts): string[] {
  const { updated, withoutPassword, staff, superusers, demoted, disabled } = counts;
  return [
    `Without a password: ${withoutPassword} of the created accounts.`,
    ...(withoutPassword > 0 ? ['  These people choose one with "forgot password".'] : []),
    `New staff: ${staff}. New superusers: ${superusers}.`,
    ...(updated > 0
      ? [
          `Of the updated accounts: ${demoted} lost staff or superuser, ${disabled} became disabled or pending.`,
        ]
      : []),
  ];
}

function createdLines({ created }: ImportResult): string[] {
  return (['groups', 'permissions'] as const)
    .filter((kind) => created[kind].length > 0)
    .map((kind) => `New ${kind}: ${created[kind].slice(0, 20).join(', ')}`);
}

const words: Readonly<Record<Outcome, string>> = {
  refused: 'Refused',
  changed: 'Changed',
  skipped: 'Skipped',
};

function formatReason(
  { outcome, field, reason, count, remedy, lines }: ReasonGroup,
  unit: ResultOptions['unit'],
): string {
  const people = lines.map((line) => `${unit} ${line}`);
  const text = [
    `${words[outcome]} ${count}: ${field === null ? '' : `${field}: `}${reason}`,
    ...(remedy === null ? [] : [`  ${remedy}`]),
    `  ${people.join(', ')}${count > people.length ? ', …' : ''}`,
  ];
  return text.join('\n');
}

function formatNote({ field, reason, remedy }: Reason): string {
  const note = `Note: ${field === null ? '' : `${field}: `}${reason}`;
  return remedy === null ? note : `${note}\n  ${remedy}`;
}

function reportLines({ tally, notes }: ImportResult, { report }: ResultOptions): string[] {
  if (report === undefined) return [];
  const isEmpty = tally.reasons.length === 0 && notes.length === 0;
  return [
    isEmpty ? `There is nothing to report: ${report} is empty.` : `All of them are in ${report}.`,
  ];
}

function adviceFor(
  { isFinished, tally, position }: ImportResult,
  { isDryRun, unit }: ResultOptions,
): string[] {
  if (isDryRun) return ['This was a dry run: nothing was written.'];
  if (!isFinished) {
    return [
      `The import was interrupted after ${unit} ${position}. The same command continues there.`,
    ];
  }
  if (tally.counts.refused === 0) return [];
  return [
    'To import the refused people, correct the file and import it again with --on-conflict skip.',
  ];
}
