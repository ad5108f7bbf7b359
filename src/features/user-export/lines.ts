/** The formats of an export. Every text can be imported again without a change. */
import { escapeFormula } from '../../core/formula.ts';
import { printableJson } from '../../core/text.ts';
import { type ExportedUser, exportedFields } from './exported-user.ts';

export const exportFormats = ['jsonl', 'csv'] as const;

export type ExportFormat = (typeof exportFormats)[number];

export interface ExportLines {
  /** The text before the first account. */
  readonly header: string;
  /** One line for each account, with line breaks. */
  format(users: readonly ExportedUser[]): string;
}

export async function createExportLines(
  format: ExportFormat,
  withPasswordHashes: boolean,
): Promise<ExportLines> {
  const fields = exportedFields(withPasswordHashes);
  if (format === 'jsonl') {
    const lineOf = (user: ExportedUser) =>
      printableJson(JSON.stringify(Object.fromEntries(fields.map((name) => [name, user[name]]))));
    return { header: '', format: (users) => users.map((user) => `${lineOf(user)}\n`).join('') };
  }
  const { stringify } = await import('csv-stringify/sync');
  return {
    header: stringify([[...fields]]),
    format: (users) => stringify(users.map((user) => fields.map((name) => cellOf(user[name])))),
  };
}

function cellOf(value: ExportedUser[keyof ExportedUser]): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  // Spreadsheets execute text that begins like a formula (OWASP, CSV Injection).
  if (typeof value !== 'object') return escapeFormula(String(value));
  return printableJson(JSON.stringify(value));
}
