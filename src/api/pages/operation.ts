/** Runs the operation behind a page's button: a document as a client could send it. */
import type { FastifyRequest } from 'fastify';
import { type FieldProblem, isProblemCode, Problem, type ProblemCode } from '../../core/errors.ts';
import { contextOf } from '../context.ts';
import type { OwnDocument } from '../own-documents.ts';

/** What the document of a page selects of its one answer, which is called `result`. */
export const selection = '{ __typename ... on Problem { code fields { path message } } }';

/**
 * Answers the problem that the person can do something about, or nothing when it is done.
 *
 * @throws THROTTLED, OVERLOADED, INTERNAL
 */
export async function runOperation(
  run: OwnDocument,
  request: FastifyRequest,
  variables: Parameters<OwnDocument>[0],
): Promise<Problem | undefined> {
  const { data, errors } = await run(variables, contextOf(request));
  if (errors?.[0]) throw topLevelProblem(errors[0].extensions);
  // The shape is that of `selection`.
  const result = data?.result as { code?: ProblemCode; fields?: readonly FieldProblem[] };
  return result.code && new Problem(result.code, { fields: result.fields ?? [] });
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
