/** Reading the record, page by page, with details opened where their key is still there. */
import type { Context } from '../../core/actor.ts';
import { tryUnseal } from '../../core/sealed-box.ts';
import type { UnitOfWork } from '../../db/unit-of-work.ts';
import {
  clientKeyIdOf,
  clientLabelOf,
  type EntryClient,
  type EntryDetails,
  type EntryRow,
} from '../audit/entry.ts';
import type { SubjectKeys } from '../audit/subject-keys.ts';
import { type AuditFilter, auditConditions } from './audit-filter.ts';
import { type AuditTails, createAuditTails } from './audit-tail.ts';
import { type Connection, connect } from './connection.ts';
import type { PageInput, PageSource } from './pages.ts';
import { requireAdministrator } from './rules.ts';

/** An entry as people read it. */
export interface AuditEntry extends EntryDetails {
  readonly id: string;
  readonly at: Date;
  readonly action: string;
  readonly outcome: 'done' | 'refused';
  readonly code: string | null;
  readonly actorKind: string;
  readonly actorId: string | null;
  readonly targetType: string | null;
  readonly targetId: string | null;
  readonly requestId: string | null;
}

export interface AuditEntries extends AuditTails {
  /** Newest first. @throws FORBIDDEN, VALIDATION_FAILED */
  auditEntries(
    list: { page: PageInput; filter: AuditFilter },
    context: Context,
  ): Promise<Connection<AuditEntry>>;
}

const newestFirst = { column: 'at', cast: 'timestamptz', isDescending: true };

export function createAuditEntries({
  query,
  subjectKeys,
}: {
  readonly query: UnitOfWork['query'];
  readonly subjectKeys: SubjectKeys;
}): AuditEntries {
  const open = async (rows: readonly EntryRow[]): Promise<AuditEntry[]> => {
    const owners = rows.flatMap((row) => [row.subject_id, clientKeyIdOf(row)]);
    const keys = await subjectKeys.find([...new Set(owners)]);
    return rows.map((row) => toEntry(row, keys));
  };

  const load = async (ids: readonly string[]) =>
    open(
      await query<EntryRow>(
        "select * from audit_entries where id = any(string_to_array(?, ' ')::uuid[])",
        [ids.join(' ')],
      ),
    );

  return {
    async auditEntries({ page, filter }, context) {
      requireAdministrator(context, 'audit.view_entry');
      return connect(query, sourceOf(filter), { order: newestFirst, page, load });
    },
    ...createAuditTails({ query, open }),
  };
}

function toEntry(row: EntryRow, keys: ReadonlyMap<string, Buffer>): AuditEntry {
  return {
    id: row.id,
    at: new Date(row.at),
    action: row.action,
    outcome: row.outcome,
    code: row.code,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    targetType: row.target_type,
    targetId: row.target_id,
    requestId: row.request_id,
    ...detailsOf(row, keys),
  };
}

/** Without the parts that are sealed with the key of an erased person. */
function detailsOf(row: EntryRow, keys: ReadonlyMap<string, Buffer>): EntryDetails {
  const { ipAddress, userAgent, ...changes } = unsealJson<EntryDetails>(
    keys.get(row.subject_id),
    row.id,
    row.details,
  );
  const clientKey = keys.get(clientKeyIdOf(row));
  if (row.client !== null) {
    return { ...changes, ...unsealJson<EntryClient>(clientKey, clientLabelOf(row.id), row.client) };
  }
  // Entries of before the client was sealed apart; that of an erased actor is not shown either.
  return clientKey
    ? {
        ...changes,
        ...(ipAddress === undefined ? {} : { ipAddress }),
        ...(userAgent === undefined ? {} : { userAgent }),
      }
    : changes;
}

/** Nothing without the key, and nothing when the key is another one: `audit verify` reports that. */
function unsealJson<Content extends object>(
  key: Buffer | undefined,
  label: string,
  box: Buffer,
): Partial<Content> {
  const content = key && tryUnseal(key, label, Buffer.from(box));
  return content ? (JSON.parse(content.toString()) as Content) : {}; // written by the audit log alone
}

function sourceOf(filter: AuditFilter): PageSource {
  return { from: 'audit_entries t', ...auditConditions(filter) };
}
