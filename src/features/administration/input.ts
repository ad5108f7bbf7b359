/** Parses the input of the operations on users and memberships. */

import { Problem } from '../../core/errors.ts';
import {
  optional,
  parseBoolean,
  parseExternalIdOrNone,
  parseFields,
  parseId,
  parseIds,
  parseLastName,
  parsePersonName,
  parseUsernameOrNone,
  rejectValue,
} from '../../core/parse.ts';
import { type PasswordRules, parseNewPassword } from '../authentication/apply-password.ts';
import { parseMetadata } from '../users/metadata.ts';
import type { Membership } from './grants/grants.ts';

/** Unparsed input. A field that is left out does not change. */
export interface UserInput {
  readonly email?: unknown;
  readonly username?: unknown;
  readonly firstName?: unknown;
  readonly lastName?: unknown;
  readonly externalId?: unknown;
  readonly metadata?: unknown;
  readonly password?: unknown;
  readonly isStaff?: unknown;
  readonly isActive?: unknown;
  readonly groupIds?: unknown;
  readonly permissionIds?: unknown;
}

/** Unparsed input. */
export interface GroupMembershipInput {
  readonly userId: unknown;
  readonly groupId: unknown;
  readonly expiresAt?: unknown;
}

/**
 * Rejects an update without any field before it looks anything up.
 *
 * @throws VALIDATION_FAILED
 */
export function assertSomeField(input: object): void {
  if (Object.values(input).some((value) => value !== undefined && value !== null)) return;
  const fields = [{ path: 'input', message: 'Give at least one field.' }];
  throw new Problem('VALIDATION_FAILED', { fields });
}

/** @throws VALIDATION_FAILED */
export function parseUserInput<Email>(
  input: UserInput,
  rules: PasswordRules & { readonly about: readonly unknown[] },
  readEmail: (raw: unknown) => Email,
) {
  return parseFields({
    email: () => readEmail(input.email),
    username: () => optional(input.username, parseUsernameOrNone),
    firstName: () => optional(input.firstName, parsePersonName),
    lastName: () => optional(input.lastName, parseLastName),
    externalId: () => optional(input.externalId, parseExternalIdOrNone),
    metadata: () => optional(input.metadata, parseMetadata),
    password: () =>
      optional(input.password, (raw) =>
        parseNewPassword(raw, rules, [
          ...rules.about,
          input.email,
          input.username,
          input.firstName,
          input.lastName,
        ]),
      ),
    isStaff: () => optional(input.isStaff, parseBoolean),
    isActive: () => optional(input.isActive, parseBoolean),
    groupIds: () => optional(input.groupIds, parseIds),
    permissionIds: () => optional(input.permissionIds, parseIds),
  });
}

/** @throws VALIDATION_FAILED */
export function parseMembership(input: GroupMembershipInput, now: Date): Membership {
  return parseFields({
    groupId: () => parseId(input.groupId) ?? rejectValue('Must be an id.'),
    expiresAt: () => optional(input.expiresAt, (raw) => parseExpiry(raw, now)) ?? null,
  });
}

function parseExpiry(raw: unknown, now: Date): Date {
  return raw instanceof Date && raw > now ? raw : rejectValue('Must be in the future.');
}
