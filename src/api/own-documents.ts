/**
 * Runs documents that we wrote ourselves, such as those of the REST table, for callers who have none:
 * parsed and validated once. What they skip is what Apollo does for documents that it has not seen
 * before.
 */
import {
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  parse,
  validate,
} from 'graphql';
import type { Context } from '../core/actor.ts';
import { OverLimit } from './graphql-limits.ts';
import type { ReportErrors } from './graphql-reports.ts';
import {
  type PreparedOperation,
  presentingErrors,
  runnable,
  type Variables,
} from './prepared-operations.ts';

export interface OwnResult {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  /** As the caller may see them. */
  readonly errors?: readonly GraphQLFormattedError[];
}

export type OwnDocument = (variables: Variables, context: Context) => Promise<OwnResult>;

/** Makes a document ready to be run. @throws Error when it does not fit the schema */
export type PrepareDocument = (text: string) => OwnDocument;

export function preparingDocuments(schema: GraphQLSchema, report: ReportErrors): PrepareDocument {
  const present = presentingErrors(report);
  return (text) => {
    const run = runnable(ownOperation(schema, text));
    return async (variables, context) => {
      try {
        const result = await run(variables, context);
        const { data, errors } = result;
        if (!errors) return { data };
        const isBadInput = !('data' in result);
        return { data, errors: present(isBadInput ? errors.map(badInput) : errors, context) };
      } catch (error) {
        if (error instanceof OverLimit) return { errors: present([error], context) };
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

function ownOperation(schema: GraphQLSchema, text: string): PreparedOperation {
  const document = parse(text);
  const faults = validate(schema, document);
  const operation = getOperationAST(document);
  if (faults.length > 0 || !operation)
    throw new Error(`a document of ours is not valid: ${faults}`);
  return { schema, document, operation };
}
