/**
 * The operations that need no caller, and what an invalid bearer token means for all others.
 * A client that attaches its token to every request can log in and refresh with an expired one.
 */
import { type DocumentNode, GraphQLError, type OperationDefinitionNode } from 'graphql';
import { sentenceOf, statusOf } from '../../core/errors.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { invalidTokenChallenge } from '../http/responses.ts';
import { rootFieldsOf } from './operation-labels.ts';

/** `test/api/stale-tokens.test.ts` compares this list with the schema. */
export const publicFields: ReadonlySet<string> = new Set([
  '__schema',
  '__type',
  '__typename',
  'cancelEmailChange',
  'cancelRegistration',
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

/**
 * Whether the operation needs a caller while the bearer token that came along is not valid. Such a
 * request fails as a whole, before its execution, with HTTP 401.
 */
export function needsValidToken(
  { isTokenRejected }: RequestContext,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): boolean {
  if (!isTokenRejected) return false;
  return [...rootFieldsOf(document, operation)].some((field) => !publicFields.has(field));
}

/** The refusal of such a request, for Apollo. */
export function invalidTokenError(): GraphQLError {
  const status = statusOf('UNAUTHENTICATED');
  const headers = new Map([['www-authenticate', invalidTokenChallenge]]);
  return new GraphQLError(sentenceOf('UNAUTHENTICATED'), {
    extensions: { code: 'UNAUTHENTICATED', http: { status, headers } },
  });
}
