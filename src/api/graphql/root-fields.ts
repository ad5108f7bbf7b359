/** The root fields of an operation: its label in log and metrics, and whether it needs an access token. */
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { fragmentsOf } from './cost.ts';

/** The root fields of an operation, in all fragments. */
export function rootFieldsOf(
  document: DocumentNode,
  { selectionSet }: OperationDefinitionNode,
): ReadonlySet<string> {
  const names = new Set<string>();
  collectFields(selectionSet, fragmentsOf(document), names);
  return names;
}

/** Removes each visited fragment, so that a fragment is visited once, however often it is spread. */
function collectFields(
  { selections }: SelectionSetNode,
  fragments: Map<string, FragmentDefinitionNode>,
  names: Set<string>,
): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      names.add(selection.name.value);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      collectFields(selection.selectionSet, fragments, names);
    } else {
      const fragment = fragments.get(selection.name.value);
      fragments.delete(selection.name.value);
      if (fragment) collectFields(fragment.selectionSet, fragments, names);
    }
  }
}

/** The label of an operation: its root field, which is a field of the schema, because the document is valid. */
export function labelOf(rootFields: ReadonlySet<string>): string {
  const [name = 'none'] = rootFields;
  return rootFields.size > 1 ? 'several' : name;
}

/** Whether the operation needs no access token. */
export function isPublic(rootFields: ReadonlySet<string>): boolean {
  return [...rootFields].every((field) => publicFields.has(field));
}

/** Whether the operation needs no access token in a request with a session cookie in cookie mode. */
export function isPublicWithCookie(rootFields: ReadonlySet<string>): boolean {
  return [...rootFields].every((field) => publicFields.has(field) || field === 'logout');
}

/**
 * The root fields that need no access token. Clients that send their token with every request can log in and
 * refresh with an expired one. `test/api/graphql/stale-tokens.test.ts` compares the list with the schema.
 */
export const publicFields: ReadonlySet<string> = new Set([
  '__schema',
  '__type',
  '__typename',
  'cancelEmailChange',
  'cancelRegistration',
  'confirmEmailChange',
  'isPasswordResetValid',
  'login',
  'refreshTokens',
  'register',
  'requestPasswordReset',
  'resendVerificationEmail',
  'resetPassword',
  'verifyEmail',
]);
