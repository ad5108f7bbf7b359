/** Decides which values an update gives to an account, and reports changes of the status and of rights. */
import type { UserStatus } from '../../users/user.entity.ts';
import type { Reason } from '../report.ts';
import { withOriginals } from '../validation/fields.ts';
import type { ImportedPerson } from '../validation/person.ts';

/** The columns of an account that an update can change. */
export interface AccountValues {
  readonly username: string | null;
  readonly firstName: string;
  readonly lastName: string;
  readonly status: UserStatus;
  readonly isStaff: boolean;
  readonly isSuperuser: boolean;
  readonly emailVerifiedAt: Date | null;
  readonly locale: string | null;
  readonly externalId: string | null;
  readonly metadata: object;
}

export function valuesAfter(before: AccountValues, person: ImportedPerson): AccountValues {
  const hasOriginals = Object.keys(person.originals).length > 0;
  const given = person.metadata ?? (hasOriginals ? { ...before.metadata } : undefined);
  return {
    username: person.username ?? before.username,
    firstName: person.firstName ?? before.firstName,
    lastName: person.lastName ?? before.lastName,
    status: statusAfter(before, person),
    isStaff: person.isStaff ?? before.isStaff,
    isSuperuser: person.isSuperuser ?? before.isSuperuser,
    emailVerifiedAt: before.emailVerifiedAt ?? person.emailVerifiedAt ?? null,
    locale: person.locale ?? before.locale,
    externalId: person.externalId ?? before.externalId,
    metadata: given ? withOriginals(given, person.originals) : before.metadata,
  };
}

/**
 * An account that was disabled here stays disabled: the file cannot know why. An account whose address was confirmed here
 * stays active, even if the other system still waits for that. A person who is inactive there without a reason can have
 * been disabled there.
 */
function statusAfter(
  before: Pick<AccountValues, 'status' | 'emailVerifiedAt'>,
  { status, isInactive }: Pick<ImportedPerson, 'status' | 'isInactive'>,
): UserStatus {
  if (before.status === 'DISABLED') return 'DISABLED';
  const isConfirmed = before.status === 'ACTIVE' && before.emailVerifiedAt !== null;
  if (status === 'PENDING' && isConfirmed && !isInactive) return 'ACTIVE';
  return status ?? before.status;
}

/** The lines of the report about the status, the external id and the rights of an account. */
export function noteRights(
  before: AccountValues,
  after: AccountValues,
  { status }: Pick<ImportedPerson, 'status'>,
): readonly Reason[] {
  const isKept = before.status === 'DISABLED' && status !== undefined && status !== 'DISABLED';
  return [
    ...(isKept ? [staysDisabled] : []),
    ...(before.status === after.status ? [] : [noteOf('status', statusSentences[after.status])]),
    ...(before.externalId !== null && before.externalId !== after.externalId
      ? [replacedExternalId]
      : []),
    ...noteFlag('isStaff', 'staff', before.isStaff, after.isStaff),
    ...noteFlag('isSuperuser', 'a superuser', before.isSuperuser, after.isSuperuser),
  ];
}

const staysDisabled: Reason = {
  field: 'status',
  reason: 'The account is disabled here, so it stays disabled.',
  remedy: 'Enable it with `gatehouse users enable <user>` if the person may log in.',
};

const replacedExternalId: Reason = {
  field: 'externalId',
  reason: 'The account had another external id, which was replaced.',
  remedy:
    'The entry user-updated of the audit log has the former one, if other tables refer to it.',
};

const statusSentences: Readonly<Record<UserStatus, string>> = {
  ACTIVE: 'The account was pending and is active now.',
  DISABLED: 'The account was disabled.',
  PENDING: 'The account was active and is pending now.',
};

function noteFlag(field: string, name: string, before: boolean, after: boolean): Reason[] {
  if (before === after) return [];
  return [noteOf(field, `The account ${after ? 'became' : 'is no longer'} ${name}.`)];
}

function noteOf(field: string, reason: string): Reason {
  return { field, reason, remedy: null };
}
