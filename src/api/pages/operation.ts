/** Runs the operation behind a page's button: the same document that a client could send. */
import type { FastifyRequest } from 'fastify';
import { type FieldProblem, isProblemCode, Problem, type ProblemCode } from '../../core/errors.ts';
import { contextOf } from '../context.ts';
import type { Graphql } from '../graphql.ts';

export interface Operation {
  /** Its answer is called `result`: an Acknowledgement, or a Problem with code and fields. */
  readonly document: string;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What a page selects of an answer. */
export const selection = '{ __typename ... on Problem { code fields { path message } } }';

/**
 * Answers the problem that the person can do something about, or nothing when it is done.
 *
 * @throws THROTTLED, OVERLOADED, INTERNAL
 */
export async function runOperation(
  graphql: Graphql,
  request: FastifyRequest,
  { document, variables }: Operation,
): Promise<Problem | undefined> {
  const { body } = await graphql.executeOperation(
    { query: document, variables },
    { contextValue: contextOf(request) },
  );
  if (body.kind !== 'single') throw new Error('pages need one answer');
  const { data, errors } = body.singleResult;
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
