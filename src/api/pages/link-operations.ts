/** Runs the operation behind a page's button: a document as a client could send it. */
import type { FastifyRequest } from 'fastify';
import { type FieldProblem, isProblemCode, Problem, type ProblemCode } from '../../core/errors.ts';
import type { CheckCode } from '../../features/authentication/consume-code.ts';
import type {
  EmailVerification,
  VerificationCodeOwner,
} from '../../features/authentication/email-verification.ts';
import type { Passwords } from '../../features/authentication/passwords.ts';
import type { CompiledDocument } from '../graphql/compiled-operations.ts';
import { passwordFaultsOf } from '../graphql/password-faults.ts';
import { contextOf } from '../http/context.ts';

/** What the document of a page selects of its one answer, which is called `result`. */
export const selection = '{ __typename ... on Problem { code fields { path message } } }';

/**
 * Answers the problem that the person can do something about, or nothing when it is done.
 *
 * @throws THROTTLED, OVERLOADED, INTERNAL
 */
export async function runOperation(
  run: CompiledDocument,
  request: FastifyRequest,
  variables: Parameters<CompiledDocument>[0],
): Promise<Problem | undefined> {
  const context = contextOf(request);
  const { data, errors } = await run(variables, context);
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

/** A value of a query or a form, where it is one text. */
export function textOf(source: unknown, name: string): string | undefined {
  const value = (Object(source) as Record<string, unknown>)[name]; // any object has keys
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export interface PasswordLinkOwner {
  readonly email: string;
  /** Whether it is the first password of an account that an administrator has made. */
  readonly isInvited: boolean;
}

export interface LinkOwners {
  /** The address that a code of a change would verify now; nothing for any other code. @throws THROTTLED */
  addressOfEmailChangeCode(code: string): Promise<string | undefined>;
  /**
   * The address, and what the page has to ask for; nothing for any other code.
   *
   * @throws THROTTLED
   */
  ownerOfVerificationCode(code: string): Promise<VerificationCodeOwner | undefined>;
  /**
   * The account that uid and token would set a password of now; nothing for any others.
   *
   * @throws THROTTLED
   */
  ownerOfPasswordLink(uid: string, token: string): Promise<PasswordLinkOwner | undefined>;
}

export function createLinkOwners(deps: {
  readonly checkCode: CheckCode;
  readonly passwords: Pick<Passwords, 'checkPasswordLink'>;
  readonly emailVerification: Pick<EmailVerification, 'ownerOfCode'>;
}): LinkOwners {
  const { checkCode, passwords } = deps;
  return {
    addressOfEmailChangeCode: async (code) => (await checkCode(['change-email'], code))?.email,
    ownerOfVerificationCode: deps.emailVerification.ownerOfCode,
    async ownerOfPasswordLink(uid, token) {
      const link = await passwords.checkPasswordLink(uid, token).catch(ifMalformed);
      return link && { email: link.email, isInvited: link.kind === 'invite' };
    },
  };
}

/** What is malformed is not valid either. */
function ifMalformed(error: unknown): undefined {
  if (error instanceof Problem && error.code === 'VALIDATION_FAILED') return undefined;
  throw error;
}
