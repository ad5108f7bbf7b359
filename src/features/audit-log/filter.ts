/** Parses the filter of audit entries into SQL conditions. */
import {
  optional,
  parseFields,
  parseId,
  parseInstant,
  parseLookupName,
  rejectValue,
} from '../../core/parse.ts';
import type { PageSource } from '../../database/pagination/paginate.ts';

/** Unparsed input. */
export interface AuditFilter {
  readonly action?: unknown;
  readonly actorKind?: unknown;
  readonly actorId?: unknown;
  readonly targetId?: unknown;
  readonly isRefused?: unknown;
  readonly since?: unknown;
  readonly until?: unknown;
}

/** SQL conditions on the row `t`. @throws VALIDATION_FAILED */
export function auditConditions(filter: AuditFilter): Omit<PageSource, 'from'> {
  const parsed = parseFields({
    action: () => optional(filter.action, parseLookupName),
    actorKind: () => optional(filter.actorKind, parseLookupName),
    actorId: () => optional(filter.actorId, (raw) => parseId(raw) ?? rejectValue('Must be an id.')),
    targetId: () =>
      optional(filter.targetId, (raw) => parseId(raw) ?? rejectValue('Must be an id.')),
    since: () => optional(filter.since, parseInstant),
    until: () => optional(filter.until, parseInstant),
  });
  const conditions: string[] = [];
  const parameters: unknown[] = [];
  const add = (condition: string, value: unknown) => {
    if (value === undefined) return;
    conditions.push(condition);
    parameters.push(value);
  };
  add('t.action = ?', parsed.action);
  add('t.actor_kind = ?', parsed.actorKind);
  add('t.actor_id = ?', parsed.actorId);
  add('t.target_id = ?', parsed.targetId);
  add('t.outcome = ?', outcomeOf(filter.isRefused));
  add('t.at >= ?', parsed.since);
  add('t.at < ?', parsed.until);
  return { conditions, parameters };
}

function outcomeOf(isRefused: unknown): string | undefined {
  if (typeof isRefused !== 'boolean') return undefined;
  return isRefused ? 'refused' : 'done';
}
