/** Reads the people of a source in batches: validates them, and finds those with an identifier of an earlier line. */
import { createKnownIdentifiers, type KnownIdentifiers } from './known-identifiers.ts';
import { withoutUsername } from './plan.ts';
import type { Reason, ReportLine } from './report.ts';
import {
  isFault,
  type PeopleSource,
  type PositionUnit,
  type SourceFault,
  type SourcePerson,
} from './source.ts';
import {
  type ImportedPerson,
  isRefused,
  type PersonRules,
  parsePerson,
  type RefusedPerson,
  shownText,
} from './validation/person.ts';

/** A person that can be imported, or the line of a person that is refused. */
export type BatchItem =
  | { readonly position: number; readonly person: ImportedPerson }
  | { readonly position: number; readonly line: ReportLine };

export interface BatchOptions {
  readonly unit: PositionUnit;
  readonly rules: PersonRules;
  /** People up to this position are stored. They are validated for their identifiers only. */
  readonly position: number;
  readonly size: number;
}

export async function* readBatches(
  { people }: Pick<PeopleSource, 'people'>,
  { unit, rules, position, size }: BatchOptions,
): AsyncGenerator<readonly BatchItem[]> {
  const known = createKnownIdentifiers();
  let batch: BatchItem[] = [];
  for await (const item of people) {
    const checked = check(item, { rules, known, unit });
    if (item.position <= position) continue;
    batch.push(checked);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

interface CheckOptions extends Pick<BatchOptions, 'rules' | 'unit'> {
  readonly known: KnownIdentifiers;
}

function check(item: SourcePerson | SourceFault, { rules, known, unit }: CheckOptions): BatchItem {
  const { position } = item;
  if (isFault(item)) {
    const reason = { field: null, reason: item.message, remedy: item.remedy ?? null };
    const [externalId, email] = [shownText(item.externalId), shownText(item.email)];
    const line = refusedLine({ position, externalId, email }, reason);
    return { position, line: item.isSkipped ? { ...line, outcome: 'skipped' } : line };
  }
  const parsed = parsePerson(item, rules);
  if (isRefused(parsed)) return { position, line: refusedLine(parsed, parsed.refusal) };
  const duplicate = findDuplicate(parsed, known, unit);
  if (duplicate) return { position, line: refusedLine(parsed, duplicate) };
  const person = withFreeUsername(parsed, known, unit);
  known.add(emailKey(person), position);
  if (person.externalId !== undefined) known.add(externalIdKey(person), position);
  if (person.username !== undefined) known.add(usernameKey(person), position);
  return { position, person };
}

function findDuplicate(
  person: ImportedPerson,
  known: KnownIdentifiers,
  unit: PositionUnit,
): Reason | undefined {
  const sameEmail = known.find(emailKey(person));
  if (sameEmail !== undefined) {
    return {
      field: 'email',
      reason: `${nameOf(unit, sameEmail)} has the same address; upper and lower case make no difference.`,
      remedy:
        'One address is one account here: merge the two accounts in the other system, or give one of them another address.',
    };
  }
  if (person.externalId === undefined) return undefined;
  const sameId = known.find(externalIdKey(person));
  if (sameId === undefined) return undefined;
  return {
    field: 'externalId',
    reason: `${nameOf(unit, sameId)} has the same external id.`,
    remedy: 'Give one of the two people another external id.',
  };
}

function withFreeUsername(
  person: ImportedPerson,
  known: KnownIdentifiers,
  unit: PositionUnit,
): ImportedPerson {
  const earlier = person.username === undefined ? undefined : known.find(usernameKey(person));
  return earlier === undefined
    ? person
    : withoutUsername(
        person,
        `${nameOf(unit, earlier)} has the same username. This account does not get it.`,
      );
}

function nameOf(unit: PositionUnit, position: number): string {
  return `${unit === 'line' ? 'Line' : 'Person'} ${position}`;
}

const emailKey = ({ email }: ImportedPerson) => `email:${email}`;
const externalIdKey = ({ externalId }: ImportedPerson) => `external-id:${externalId}`;
const usernameKey = ({ username }: ImportedPerson) => `username:${username?.toLowerCase()}`;

function refusedLine(
  {
    position,
    externalId,
    email,
  }: Pick<RefusedPerson, 'position'> & {
    readonly externalId?: string | null | undefined;
    readonly email: string | null;
  },
  reason: Reason,
): ReportLine {
  return { line: position, externalId: externalId ?? null, email, outcome: 'refused', ...reason };
}
