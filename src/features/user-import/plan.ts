/** Decides for each valid person whether an account is created or updated, from the accounts that exist. */
import type { Username } from '../../core/parse.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { usernameKeyOf } from '../users/users.ts';
import type { Outcome, Reason, ReportLine } from './report.ts';
import { usernameRemedy } from './validation/fields.ts';
import type { ImportedPerson } from './validation/person.ts';

/** What happens to a person whose address or external id an account has. */
export type OnConflict = 'fail' | 'skip' | 'update';

export interface PlannedUpdate {
  readonly userId: string;
  readonly person: ImportedPerson;
}

export interface Plan {
  readonly creations: readonly ImportedPerson[];
  readonly updates: readonly PlannedUpdate[];
  /** The refused and skipped people. */
  readonly lines: readonly ReportLine[];
}

interface Account {
  readonly id: string;
  readonly email: string;
  readonly username: string | null;
  readonly external_id: string | null;
}

export type PlanPeople = (
  people: readonly ImportedPerson[],
  onConflict: OnConflict,
) => Promise<Plan>;

/** The accounts of the addresses, usernames and external ids. Each condition uses its index. */
const accountsSql = `
  select id, email, username, external_id from users where email = any(?::text[])
  union
  select id, email, username, external_id from users where ${usernameKeyOf('username')} = any(?::text[])
  union
  select id, email, username, external_id from users where external_id = any(?::text[])`;

export function createPlanPeople({ query }: Pick<UnitOfWork, 'query'>): PlanPeople {
  return async (people, onConflict) => {
    const accounts = await query<Account>(accountsSql, [
      people.map(({ email }) => email),
      people.flatMap(({ username }) => username?.toLowerCase() ?? []),
      people.flatMap(({ externalId }) => externalId ?? []),
    ]);
    return planWith(accounts, people, onConflict);
  };
}

function planWith(
  accounts: readonly Account[],
  people: readonly ImportedPerson[],
  onConflict: OnConflict,
): Plan {
  const byEmail = new Map(accounts.map((account) => [account.email, account]));
  const byExternalId = new Map(accounts.map((account) => [account.external_id, account]));
  const byUsername = new Map(accounts.map((account) => [account.username?.toLowerCase(), account]));
  const plan = {
    creations: [] as ImportedPerson[],
    updates: [] as PlannedUpdate[],
    lines: [] as ReportLine[],
  };
  for (const person of people) {
    const ofEmail = byEmail.get(person.email);
    const ofId = person.externalId === undefined ? undefined : byExternalId.get(person.externalId);
    const conflict = conflictOf(ofEmail, ofId, onConflict);
    if (conflict) plan.lines.push(lineOf(person, conflict.outcome, conflict.reason));
    else {
      const name = person.username?.toLowerCase();
      const holder = name === undefined ? undefined : byUsername.get(name);
      const isTaken = holder !== undefined && holder.id !== ofEmail?.id;
      const free = isTaken ? withoutUsername(person, takenHere) : person;
      if (ofEmail) plan.updates.push({ userId: ofEmail.id, person: free });
      else plan.creations.push(free);
    }
  }
  return plan;
}

const takenHere = 'Another account has the username. This account does not get it.';

function conflictOf(
  ofEmail: Account | undefined,
  ofId: Account | undefined,
  onConflict: OnConflict,
): { readonly outcome: Outcome; readonly reason: Reason } | undefined {
  if (ofEmail && ofId && ofEmail.id !== ofId.id) {
    return {
      outcome: 'refused',
      reason: {
        field: 'externalId',
        reason: 'One account has the address and another account has the external id.',
        remedy: 'Find out which of the two accounts belongs to the person.',
      },
    };
  }
  // Another system can have the same ids for other people.
  if (ofId && !ofEmail) {
    return {
      outcome: 'refused',
      reason: {
        field: 'externalId',
        reason: 'An account with this external id has another address.',
        remedy:
          'If it belongs to the person, change its address here (gatehouse users update --email). If not, give the person another external id.',
      },
    };
  }
  if (!ofEmail || onConflict === 'update') return undefined;
  const field = 'email';
  const reason = 'An account with this address exists.';
  return onConflict === 'skip'
    ? { outcome: 'skipped', reason: { field, reason, remedy: null } }
    : {
        outcome: 'refused',
        reason: {
          field,
          reason,
          remedy: 'Use --on-conflict skip to leave it, or --on-conflict update to change it.',
        },
      };
}

/** The person without the username, which the metadata keep. */
export function withoutUsername(person: ImportedPerson, reason: string): ImportedPerson {
  const username: Username | undefined = person.username;
  return {
    ...person,
    username: undefined,
    originals: username === undefined ? person.originals : { ...person.originals, username },
    notes: [...person.notes, { field: 'username', reason, remedy: usernameRemedy }],
  };
}

export function lineOf(
  person: Pick<ImportedPerson, 'position' | 'email' | 'externalId'>,
  outcome: Outcome,
  reason: Reason,
): ReportLine {
  const { position, externalId = null, email } = person;
  return { line: position, externalId, email, outcome, ...reason };
}
