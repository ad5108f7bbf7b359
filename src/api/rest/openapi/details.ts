/** Formats, examples and bounds of values, which GraphQL types do not have. */
import { maxLengths, maxListLength } from '../../../core/max-lengths.ts';
import { longestStoredHash } from '../../../crypto/password/stored-hash/stored-hash.ts';
import { maxPageSize } from '../../../database/pagination/paginate.ts';
import type { RouteInput } from './route-types.ts';
import type { JsonSchema } from './schemas.ts';

/** Format and example of a field, by its GraphQL name or by type and name. */
const fields: Readonly<Record<string, JsonSchema>> = {
  email: { format: 'email', examples: ['ada@example.com'] },
  pendingEmail: { format: 'email', examples: ['ada@new.example.com'] },
  username: { examples: ['ada'] },
  firstName: { examples: ['Ada'] },
  lastName: { examples: ['Lovelace'] },
  fullName: { examples: ['Ada Lovelace'] },
  locale: { examples: ['en'] },
  externalId: { examples: ['4711'] },
  metadata: { type: 'object', additionalProperties: true, examples: [{ plan: 'pro' }] },
  codename: { examples: ['shop.view_order'] },
  permission: { examples: ['shop.view_order'] },
  'Group.name': { examples: ['Shop'] },
  'Permission.name': { examples: ['Can view orders'] },
  accessToken: { examples: ['eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl'] },
  refreshToken: { examples: ['AZqx5c8hcAuV6F1fJ2s3kQAAAAFq0rB8m1Yw'] },
  'LoginInput.email': { examples: ['ada@example.com'] },
};

const password = { format: 'password', writeOnly: true, maxLength: maxLengths.password };
const pastedSecret = { minLength: 1, maxLength: maxLengths.pastedSecret };

/** Bounds of inputs. Some texts may be empty: an empty username or external id removes it. */
const inputs: Readonly<Record<string, JsonSchema>> = {
  first: { minimum: 0, maximum: maxPageSize },
  email: { minLength: 1, maxLength: maxLengths.email },
  username: { maxLength: maxLengths.username },
  externalId: { maxLength: maxLengths.externalId },
  firstName: { minLength: 1, maxLength: maxLengths.personName },
  lastName: { maxLength: maxLengths.personName },
  locale: { minLength: 1, maxLength: maxLengths.locale },
  name: { minLength: 1, maxLength: maxLengths.name },
  codename: { minLength: 1, maxLength: maxLengths.codename },
  permission: { minLength: 1, maxLength: maxLengths.name },
  description: { maxLength: maxLengths.description },
  search: { minLength: 1, maxLength: maxLengths.search },
  code: pastedSecret,
  uid: pastedSecret,
  token: pastedSecret,
  refreshToken: pastedSecret,
  password: { ...password, minLength: 1 },
  passwordConfirmation: password,
  passwordHash: { writeOnly: true, maxLength: longestStoredHash },
};

/** The inputs that set a password, which has a minimum length. */
const newPasswords: ReadonlySet<string> = new Set([
  'RegisterInput.password',
  'CreateUserInput.password',
  'UpdateUserInput.password',
  'ResetPasswordInput.password',
]);

/** Format and example of an output. */
export function outputDetails(type: string, name: string): JsonSchema {
  return fields[`${type}.${name}`] ?? fields[name] ?? {};
}

/** Format, example and bounds of an input. */
export function inputDetails({ owner, name }: RouteInput, passwordMinLength: number): JsonSchema {
  const type = owner.replace(/^(?:Create|Update)(\w+)Input$/, '$1');
  return {
    ...(fields[`${owner}.${name}`] ?? outputDetails(type, name)),
    ...inputs[name],
    ...(newPasswords.has(`${owner}.${name}`) ? { minLength: passwordMinLength } : {}),
  };
}

/** Bounds of a list of ids. */
export const listDetails: JsonSchema = { maxItems: maxListLength };
