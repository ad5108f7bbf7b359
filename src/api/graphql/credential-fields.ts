/**
 * One attempt per request: the fields that prove or spend a secret, set a password or send a mail, and
 * the rule that an operation holds one of them at most. Aliases would multiply guesses and hashes.
 */
import {
  type FragmentDefinitionNode,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { QueryLimitError } from './limits.ts';

/** `test/api/graphql-credentials.test.ts` fails when one of the schema is missing. */
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
  'An operation may have one field that takes a password, code or token, or sends a mail: ' +
  'send each in a request of its own.';

/** Counts fields by their own names, through every fragment, whatever their directives say. */
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

/** Each fragment is counted once, however often it is spread: bombs cost no more than their text. */
function countFragment(
  context: ValidationContext,
  fragment: FragmentDefinitionNode | null | undefined,
  ofFragments: Map<string, number>,
): number {
  if (!fragment) return 0;
  const name = fragment.name.value;
  const known = ofFragments.get(name);
  if (known !== undefined) return known;
  ofFragments.set(name, 0); // a circle, which another rule refuses, ends here
  const sum = count(context, fragment.selectionSet, ofFragments);
  ofFragments.set(name, sum);
  return sum;
}
