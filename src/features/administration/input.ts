/** Parses the input of the operations on users and memberships. */

import { Problem } from '../../core/errors.ts';
import {
  optional,
  parseBoolean,
  parseEmail,
  parseExternalIdOrNone,
  parseFields,
  parseId,
  parseIds,
  parseLastName,
  parsePersonName,
  parseUsernameOrNone,
  rejectValue,
} from '../../core/parse.ts';
import { readImportedHash } from '../../crypto/password/imported-hash.ts';
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
export interface NewUserInput extends UserInput {
  /** The hash of the password in another system, instead of a password. */
  readonly passwordHash?: unknown;
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

/** The password policy, and texts that a new password must not consist of. */
type InputRules = PasswordRules & { readonly about: readonly unknown[] };

/** @throws VALIDATION_FAILED */
export function parseUserInput(input: UserInput, rules: InputRules) {
  return parseFields(userParsers(input, rules, () => optional(input.email, parseEmail)));
}

/** @throws VALIDATION_FAILED */
export function parseNewUserInput(input: NewUserInput, rules: InputRules) {
  return parseFields({
    ...userParsers(input, rules, () => parseEmail(input.email)),
    passwordHash: () => {
      if (input.passwordHash != null && input.password != null) {
        rejectValue('Must not be given together with a password.');
      }
      return optional(input.passwordHash, parsePasswordHash);
    },
  });
}

function userParsers<Email>(input: UserInput, rules: InputRules, email: () => Email) {
  return {
    email,
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
  };
}

/** The hash of another system as it is stored; undefined for the mark of an account without a password. */
function parsePasswordHash(raw: unknown): string | undefined {
  if (typeof raw !== 'string') rejectValue('Must be a text.');
  const read = readImportedHash(raw);
  if (read.kind === 'weak') rejectValue(weakHashFault);
  if (read.kind === 'unusable') rejectValue(`${read.reason} ${read.remedy}`);
  return read.kind === 'usable' ? read.hash : undefined;
}

const weakHashFault =
  'MD5 and SHA-1 are too weak. Create the account without the hash, or use the command import users with --allow-weak-hashes.';

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
