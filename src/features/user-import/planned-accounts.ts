/**
 * The accounts that the lines of a file have meant so far. A second line for one account is refused, because the two
 * lines can have different values.
 */
import type { EmailAddress } from '../../core/parse.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import { createKnownIdentifiers } from './known-identifiers.ts';

export interface IdentifiedAccount {
  readonly id: string;
  readonly email: string;
  readonly external_id: string | null;
}

/** What decides which account a line means. */
export interface IdentifiedPerson {
  readonly position: number;
  readonly email: EmailAddress;
  readonly externalId: string | undefined;
}

export interface PlannedAccounts {
  /** The earlier line that means the account, or whose account had an identifier of the person. */
  earlierLineOf(
    person: IdentifiedPerson,
    account: IdentifiedAccount | undefined,
  ): number | undefined;
  /** @param account as it is before the update */
  add(account: IdentifiedAccount, person: IdentifiedPerson): void;
}

export function createPlannedAccounts(): PlannedAccounts {
  const known = createKnownIdentifiers();
  return {
    earlierLineOf({ position, email, externalId }, account) {
      const keys = [
        ...keysOf({ email, external_id: externalId ?? null }),
        ...(account ? [idKey(account)] : []),
      ];
      const lines = keys.flatMap((key) => known.find(key) ?? []);
      return lines.find((line) => line < position);
    },
    add(account, { position, email, externalId }) {
      // The reader of batches knows the identifiers of the line itself.
      const own = keysOf({ email, external_id: externalId ?? null });
      const others = keysOf(account).filter((key) => !own.includes(key));
      for (const key of [idKey(account), ...others]) {
        if (known.find(key) === undefined) known.add(key, position);
      }
    },
  };
}

const idKey = ({ id }: Pick<IdentifiedAccount, 'id'>) => `id:${id}`;

function keysOf({ email, external_id: id }: Omit<IdentifiedAccount, 'id'>): string[] {
  return [`email:${email}`, ...(id === null ? [] : [`external-id:${id}`])];
}

const accountsSql = `
  select id, email, external_id from users where email = any(?::text[])
  union
  select id, email, external_id from users where external_id = any(?::text[])`;

/**
 * Adds the accounts of lines that an interrupted import has stored. An external id that one of these lines has replaced
 * is no longer known.
 */
export async function addStoredPeople(
  { query }: Pick<UnitOfWork, 'query'>,
  people: readonly IdentifiedPerson[],
  planned: PlannedAccounts,
): Promise<void> {
  const accounts = await query<IdentifiedAccount>(accountsSql, [
    people.map(({ email }) => email),
    people.flatMap(({ externalId }) => externalId ?? []),
  ]);
  const byEmail = new Map(accounts.map((account) => [account.email, account]));
  const byExternalId = new Map(accounts.map((account) => [account.external_id, account]));
  for (const { position, email, externalId } of people) {
    const ofEmail = byEmail.get(email);
    const ofId = externalId === undefined ? undefined : byExternalId.get(externalId);
    const account = ofEmail ?? ofId;
    const isConflict = ofEmail && ofId && ofEmail.id !== ofId.id;
    if (account && !isConflict) planned.add(account, { position, email, externalId });
  }
}
