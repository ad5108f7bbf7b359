/**
 * Runs documents that we wrote ourselves, such as those of the REST table, for callers who have none:
 * parsed and validated once. What they skip is what Apollo does for documents that it has not seen
 * before.
 */
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import { Problem } from '../../core/errors.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { setErrorCodeOf, setOperation } from '../http/request-log.ts';
import { publicError, type ReportErrors } from './errors.ts';
import { limits, QueryLimitError } from './limits.ts';
import { assertWithinLimits } from './operation-checks.ts';
import { operationName } from './operation-labels.ts';
import { needsValidToken } from './public-operations.ts';

export interface CompiledResult {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  /** As the caller may see them. */
  readonly errors?: readonly GraphQLFormattedError[];
}

export type CompiledDocument = (
  variables: Variables,
  context: RequestContext,
) => Promise<CompiledResult>;

/** Makes a document ready to be run. @throws Error when it does not fit the schema */
export type CompileDocument = (text: string) => CompiledDocument;

export function createDocumentCompiler(
  schema: GraphQLSchema,
  report: ReportErrors,
): CompileDocument {
  const present = presentingErrors(report);
  return (text) => {
    const run = compileOperation(ownOperation(schema, text));
    return async (variables, context) => {
      try {
        const result = await run(variables, context);
        const { data, errors } = result;
        if (!errors) return { data };
        const isBadInput = !('data' in result);
        return { data, errors: present(isBadInput ? errors.map(badInput) : errors, context) };
      } catch (error) {
        if (error instanceof QueryLimitError) return { errors: present([error], context) };
        throw error;
      }
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

function ownOperation(schema: GraphQLSchema, text: string): CompiledOperation {
  const document = parse(text);
  const faults = validate(schema, document);
  const operation = getOperationAST(document);
  if (faults.length > 0 || !operation)
    throw new Error(`a document of ours is not valid: ${faults}`);
  return { schema, document, operation };
}

export interface CompiledOperation {
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
export type RunOperation = (
  variables: Variables,
  context: RequestContext,
) => Promise<ExecutionResult>;

export function compileOperation({ schema, document, operation }: CompiledOperation): RunOperation {
  const name = operationName(document, operation);
  return async (variables, context) => {
    setOperation(context, name);
    if (needsValidToken(context, document, operation)) throw new Problem('UNAUTHENTICATED');
    assertWithinLimits({ schema, document, operation, variables });
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
  context: RequestContext,
) => readonly GraphQLFormattedError[];

export function presentingErrors(report: ReportErrors): PresentErrors {
  return (errors, context) => {
    report(errors);
    const formatted = errors.map((error) => publicError(error.toJSON(), error));
    setErrorCodeOf(context, formatted[0]);
    return formatted;
  };
}
