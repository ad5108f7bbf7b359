/**
 * Operations that are parsed and validated already, run without Apollo under the rules that hold for
 * everybody's: what they ask for is weighed, noted, executed, and masked where it failed.
 */
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  type GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import type { Context } from '../core/actor.ts';
import { Problem } from '../core/errors.ts';
import { publicError } from './graphql-errors.ts';
import { limits } from './graphql-limits.ts';
import { operationName } from './graphql-outcomes.ts';
import { requireModest } from './graphql-refusals.ts';
import type { ReportErrors } from './graphql-reports.ts';
import { noteError, noteOperation } from './outcomes.ts';
import { needsValidToken } from './public-operations.ts';

export interface PreparedOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

export type Variables = Readonly<Record<string, unknown>>;

/**
 * @returns what came of it; without `data` when nothing was executed, as a variable is not what it is
 *   declared to be
 * @throws OverLimit, UNAUTHENTICATED for an invalid token
 */
export type RunOperation = (variables: Variables, context: Context) => Promise<ExecutionResult>;

export function runnable({ schema, document, operation }: PreparedOperation): RunOperation {
  const name = operationName(document, operation);
  return async (variables, context) => {
    noteOperation(context, name);
    if (needsValidToken(context, document, operation)) throw new Problem('UNAUTHENTICATED');
    requireModest({ schema, document, operation, variables });
    return execute({
      schema,
      document,
      contextValue: context,
      variableValues: variables,
      options: { maxCoercionErrors: limits.errors },
    });
  };
}

/** Errors as the caller may see them; what nobody expected is reported. */
export type PresentErrors = (
  errors: readonly GraphQLError[],
  context: Context,
) => readonly GraphQLFormattedError[];

export function presentingErrors(report: ReportErrors): PresentErrors {
  return (errors, context) => {
    report(errors);
    const formatted = errors.map((error) => publicError(error.toJSON(), error));
    noteError(context, formatted[0]);
    return formatted;
  };
}
