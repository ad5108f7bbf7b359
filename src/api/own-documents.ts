/**
 * Runs documents that we wrote ourselves, such as those of the REST table, for callers who have none:
 * parsed and validated once, then executed under the rules that hold for everybody's. What they skip
 * is what Apollo does for documents that it has not seen before.
 */
import {
  execute,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import type { Context } from '../core/actor.ts';
import { publicError } from './graphql-errors.ts';
import { limits, OverLimit } from './graphql-limits.ts';
import { operationName } from './graphql-outcomes.ts';
import { requireModest } from './graphql-refusals.ts';
import type { ReportErrors } from './graphql-reports.ts';
import { noteError, noteOperation } from './outcomes.ts';

export interface OwnResult {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  /** As the caller may see them. */
  readonly errors?: readonly GraphQLFormattedError[];
}

export type OwnDocument = (
  variables: Readonly<Record<string, unknown>>,
  context: Context,
) => Promise<OwnResult>;

/** Makes a document ready to be run. @throws Error when it does not fit the schema */
export type PrepareDocument = (text: string) => OwnDocument;

export function preparingDocuments(schema: GraphQLSchema, report: ReportErrors): PrepareDocument {
  const refused = (errors: readonly GraphQLError[], context: Context): OwnResult => {
    report(errors);
    const formatted = errors.map((error) => publicError(error.toJSON(), error));
    noteError(context, formatted[0]);
    return { errors: formatted };
  };

  return (text) => {
    const document = parse(text);
    const operation = onlyOperation(schema, document);
    const name = operationName(document, operation);
    return async (variables, context) => {
      noteOperation(context, name);
      try {
        requireModest({ schema, document, operation, variables });
      } catch (error) {
        if (error instanceof OverLimit) return refused([error], context);
        throw error;
      }
      const result = await execute({
        schema,
        document,
        contextValue: context,
        variableValues: variables,
        options: { maxCoercionErrors: limits.errors },
      });
      const { data, errors } = result;
      if (!errors) return { data };
      // Where nothing was executed, a variable is not what it is declared to be.
      const isBadInput = !('data' in result);
      return { data, ...refused(isBadInput ? errors.map(badInput) : errors, context) };
    };
  };
}

/** With the code by which Apollo marks them. */
function badInput(error: GraphQLError): GraphQLError {
  return new GraphQLError(error.message, {
    ...(error.nodes ? { nodes: error.nodes } : {}),
    extensions: { ...error.extensions, code: 'BAD_USER_INPUT' },
  });
}

function onlyOperation(
  schema: GraphQLSchema,
  document: ReturnType<typeof parse>,
): OperationDefinitionNode {
  const faults = validate(schema, document);
  const operation = getOperationAST(document);
  if (faults.length > 0 || !operation)
    throw new Error(`a document of ours is not valid: ${faults}`);
  return operation;
}
