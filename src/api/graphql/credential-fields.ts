/**
 * The rule that an operation has at most one credential field: a field that checks or consumes a secret, sets
 * a password or lets an anonymous caller send a mail. Without the rule, aliases would multiply password guesses and hashes.
 */
import {
  type FragmentDefinitionNode,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { QueryLimitError } from './limits.ts';

/** `test/api/graphql/credential-fields.test.ts` fails when a field of the schema is missing. */
export const credentialFields: ReadonlySet<string> = new Set([
  'cancelEmailChange',
  'cancelRegistration',
  'changeEmail',
  'changePassword',
  'confirmEmailChange',
  'createUser',
  'deactivateAccount',
  'eraseAccount',
  'isPasswordResetValid',
  'login',
  'logout',
  'refreshTokens',
  'register',
  'requestPasswordReset',
  'resendVerificationEmail',
  'resetPassword',
  'updateProfile',
  'updateUser',
  'verifyEmail',
]);

const message =
  'An operation may have only one field that takes a password, code or token, or sends a mail. ' +
  'Send a separate request for each.';

/** Counts fields by name and not by alias, in all fragments, regardless of directives. */
export const oneCredentialRule: ValidationRule = (context) => {
  const ofFragments = new Map<string, number>();
  return {
    OperationDefinition(operation) {
      if (count(context, operation.selectionSet, ofFragments) <= 1) return;
      context.reportError(new QueryLimitError(message));
    },
  };
};

function count(
  context: ValidationContext,
  { selections }: SelectionSetNode,
  ofFragments: Map<string, number>,
): number {
  let sum = 0;
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      sum += credentialFields.has(selection.name.value) ? 1 : 0;
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      sum += count(context, selection.selectionSet, ofFragments);
    } else {
      sum += countFragment(context, context.getFragment(selection.name.value), ofFragments);
    }
  }
  return sum;
}

/** Counts each fragment once, however often it is spread, so that nested fragments stay cheap. */
function countFragment(
  context: ValidationContext,
  fragment: FragmentDefinitionNode | null | undefined,
  ofFragments: Map<string, number>,
): number {
  if (!fragment) return 0;
  const name = fragment.name.value;
  const known = ofFragments.get(name);
  if (known !== undefined) return known;
  ofFragments.set(name, 0); // ends a cycle, which another rule rejects
  const sum = count(context, fragment.selectionSet, ofFragments);
  ofFragments.set(name, sum);
  return sum;
}
