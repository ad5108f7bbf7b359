/** The GraphQL operations of the pages, and the lookups of the account that a link belongs to. */
import type { FastifyRequest } from 'fastify';
import { type FieldProblem, isProblemCode, Problem, type ProblemCode } from '../../core/errors.ts';
import type { CheckCode } from '../../features/authentication/consume-code.ts';
import type {
  EmailVerification,
  VerificationCodeOwner,
} from '../../features/authentication/email-verification.ts';
import type { PasswordReset } from '../../features/authentication/password-reset.ts';
import type { ExecuteOperation, Variables } from '../graphql/operations.ts';
import { passwordFaultsOf } from '../graphql/password-faults.ts';
import { contextOf } from '../http/context.ts';

/** The selection of the root field, which has the alias `result`. */
export const selection = '{ __typename ... on Problem { code fields { path message } } }';

/**
 * Executes the document of a page.
 *
 * @returns the problem of the result; undefined on success
 * @throws THROTTLED, OVERLOADED, INTERNAL
 */
export async function executeOperation(
  execute: ExecuteOperation,
  request: FastifyRequest,
  variables: Variables,
): Promise<Problem | undefined> {
  const context = contextOf(request);
  const { data, errors } = (await execute(variables, context)).result;
  if (errors?.[0]) throw topLevelProblem(errors[0].extensions);
  // The shape is that of `selection`.
  const result = data?.result as { code?: ProblemCode; fields?: readonly FieldProblem[] };
  if (!result.code) return undefined;
  const passwordFaults = passwordFaultsOf(context);
  return new Problem(result.code, { fields: result.fields ?? [], passwordFaults });
}

function topLevelProblem({ code, retryAfter }: Record<string, unknown> = {}): Problem {
  return new Problem(
    isProblemCode(code) ? code : 'INTERNAL',
    typeof retryAfter === 'number' ? { retryAfterSeconds: retryAfter } : {},
  );
}

/** A value of a query or form; undefined unless it is one string with content. */
export function textOf(source: unknown, name: string): string | undefined {
  const value = (Object(source) as Record<string, unknown>)[name]; // any object has keys
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export interface PasswordLinkOwner {
  readonly email: string;
  /** Whether the link is an invitation to set the first password. */
  readonly isInvited: boolean;
}

export interface LinkOwners {
  /** The new address of a valid code of an address change; undefined for other codes. @throws THROTTLED */
  addressOfEmailChangeCode(code: string): Promise<string | undefined>;
  /**
   * The address of a valid verification code, and whether the page needs a password; undefined for others.
   *
   * @param email as typed; a short code needs it, and a wrong short code counts at that address
   * @throws THROTTLED
   */
  ownerOfVerificationCode(code: string, email?: string): Promise<VerificationCodeOwner | undefined>;
  /**
   * The account of a valid password link; undefined for other links.
   *
   * @throws THROTTLED
   */
  ownerOfPasswordLink(uid: string, token: string): Promise<PasswordLinkOwner | undefined>;
}

export function createLinkOwners(deps: {
  readonly checkCode: CheckCode;
  readonly passwordReset: Pick<PasswordReset, 'checkPasswordLink'>;
  readonly emailVerification: Pick<EmailVerification, 'ownerOfCode'>;
}): LinkOwners {
  const { checkCode, passwordReset } = deps;
  return {
    addressOfEmailChangeCode: async (code) => (await checkCode(['change-email'], code))?.email,
    ownerOfVerificationCode: (code, email) =>
      deps.emailVerification.ownerOfCode({ code, email }).catch(ifMalformed),
    async ownerOfPasswordLink(uid, token) {
      const link = await passwordReset.checkPasswordLink(uid, token).catch(ifMalformed);
      return link && { email: link.email, isInvited: link.kind === 'invite' };
    },
  };
}

/** A malformed link is an invalid link. */
function ifMalformed(error: unknown): undefined {
  if (error instanceof Problem && error.code === 'VALIDATION_FAILED') return undefined;
  throw error;
}
