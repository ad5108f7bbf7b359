/**
 * Compiles and executes the GraphQL documents of REST routes and pages. They are parsed and validated once,
 * at their first use, and are executed without Apollo.
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
import { assertWithinLimits, needsValidToken } from './operation-checks.ts';
import { operationName } from './operation-labels.ts';

export interface CompiledResult {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  /** In their public form. */
  readonly errors?: readonly GraphQLFormattedError[];
}

export type CompiledDocument = (
  variables: Variables,
  context: RequestContext,
) => Promise<CompiledResult>;

/** The first execution parses and validates the document, and throws an Error when it does not match the schema. */
export type CompileDocument = (text: string) => CompiledDocument;

export function createDocumentCompiler(
  schema: GraphQLSchema,
  report: ReportErrors,
): CompileDocument {
  const formatErrors = createErrorFormatter(report);
  return (text) => {
    let execute: ExecuteOperation | undefined;
    return async (variables, context) => {
      execute ??= compileOperation(parseDocument(schema, text));
      try {
        const result = await execute(variables, context);
        const { data, errors } = result;
        if (!errors) return { data };
        const isBadInput = !('data' in result);
        return {
          data,
          errors: formatErrors(isBadInput ? errors.map(toBadInput) : errors, context),
        };
      } catch (error) {
        if (error instanceof QueryLimitError) return { errors: formatErrors([error], context) };
        throw error;
      }
    };
  };
}

/** Adds the code of Apollo for invalid variables. */
function toBadInput(error: GraphQLError): GraphQLError {
  return new GraphQLError(error.message, {
    ...(error.nodes ? { nodes: error.nodes } : {}),
    extensions: { ...error.extensions, code: 'BAD_USER_INPUT' },
  });
}

function parseDocument(schema: GraphQLSchema, text: string): CompiledOperation {
  const document = parse(text);
  const faults = validate(schema, document);
  const operation = getOperationAST(document);
  if (faults.length > 0 || !operation) throw new Error(`invalid GraphQL document: ${faults}`);
  return { schema, document, operation };
}

export interface CompiledOperation {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
}

export type Variables = Readonly<Record<string, unknown>>;

/**
 * @returns a result without `data` when the variables do not match their types and nothing was executed
 * @throws QueryLimitError; UNAUTHENTICATED for an invalid token
 */
export type ExecuteOperation = (
  variables: Variables,
  context: RequestContext,
) => Promise<ExecutionResult>;

export function compileOperation({
  schema,
  document,
  operation,
}: CompiledOperation): ExecuteOperation {
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

/** Reports unexpected errors and returns the public form of all. */
export type FormatErrors = (
  errors: readonly GraphQLError[],
  context: RequestContext,
) => readonly GraphQLFormattedError[];

export function createErrorFormatter(report: ReportErrors): FormatErrors {
  return (errors, context) => {
    report(errors);
    const formatted = errors.map((error) => publicError(error.toJSON(), error));
    setErrorCodeOf(context, formatted[0]);
    return formatted;
  };
}
