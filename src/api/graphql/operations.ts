/**
 * Prepares and executes the operations of GraphQL documents, for the GraphQL endpoint, REST routes and pages. Token
 * check, limits, labels and the public form of errors are the same for all, because they are here.
 */
import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
  validate,
} from 'graphql';
import { sentenceOf, statusOf } from '../../core/errors.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { setErrorCodeOf, setOperation } from '../http/request-log.ts';
import { invalidTokenChallenge } from '../http/responses.ts';
import { type CostInput, costOf } from './cost.ts';
import { publicError, type ReportErrors } from './errors.ts';
import { limits, QueryLimitError, variablesLimitError } from './limits.ts';
import { isPublic, isPublicWithCookie, labelOf, rootFieldsOf } from './root-fields.ts';

export type Variables = Readonly<Record<string, unknown>>;

export interface OperationResponse {
  /** Errors are in their public form. Without `data` nothing was executed. */
  readonly result: FormattedExecutionResult;
  /** The HTTP status; undefined for variables that do not match the document, because it depends on the client. */
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Executes a prepared operation. */
export type ExecuteOperation = (
  variables: Variables,
  context: RequestContext,
) => Promise<OperationResponse>;

/**
 * Prepares a document with one operation. The first execution parses and validates it, and throws an Error when it does
 * not match the schema.
 */
export type PrepareDocument = (text: string) => ExecuteOperation;

export interface Operations {
  readonly prepareDocument: PrepareDocument;
  /** Prepares an operation of a valid document. */
  prepare(document: DocumentNode, operation: OperationDefinitionNode): ExecuteOperation;
}

export interface OperationsDeps {
  readonly report: ReportErrors;
  /** Runs after each mutation. */
  readonly afterMutation: (context: RequestContext) => Promise<void>;
}

export function createOperations(
  schema: GraphQLSchema,
  { report, afterMutation }: OperationsDeps,
): Operations {
  const prepare: Operations['prepare'] = (document, operation) => {
    const rootFields = rootFieldsOf(document, operation);
    const label = labelOf(rootFields);
    const refusalOf = createChecks({ schema, document, operation }, rootFields);
    const run = async (variables: Variables, context: RequestContext) => {
      const result = await execute({
        schema,
        document,
        operationName: operation.name?.value,
        contextValue: context,
        variableValues: variables,
        options: { maxCoercionErrors: limits.errors },
      });
      if (operation.operation === OperationTypeNode.MUTATION) await afterMutation(context);
      return toResponse(result, report);
    };
    return async (variables, context) => {
      setOperation(context, label);
      const response = refusalOf(variables, context) ?? (await run(variables, context));
      setErrorCodeOf(context, response.result.errors?.[0]);
      return response;
    };
  };
  return {
    prepare,
    prepareDocument(text) {
      let executeOperation: ExecuteOperation | undefined;
      return (variables, context) => {
        if (!executeOperation) {
          const { document, operation } = parseDocument(schema, text);
          executeOperation = prepare(document, operation);
        }
        return executeOperation(variables, context);
      };
    },
  };
}

function parseDocument(schema: GraphQLSchema, text: string) {
  const document = parse(text);
  const faults = validate(schema, document);
  const operation = getOperationAST(document);
  if (faults.length > 0 || !operation) throw new Error(`invalid GraphQL document: ${faults}`);
  return { document, operation };
}

/** @returns a function that returns the response to an operation that must not be executed */
function createChecks(
  input: Omit<CostInput, 'variables'>,
  rootFields: ReadonlySet<string>,
): (variables: Variables, context: RequestContext) => OperationResponse | undefined {
  const { schema, operation } = input;
  // Unknown page lengths count as the largest.
  const isAlwaysCheap = costOf({ ...input, variables: {} }) <= limits.cost;
  const isWithoutToken = isPublic(rootFields);
  const isWithCookie = isPublicWithCookie(rootFields);
  return (variables, { isTokenRejected, sessionCookie }) => {
    const hasCookie = isWithCookie && sessionCookie?.refreshToken !== undefined;
    if (isTokenRejected && !isWithoutToken && !hasCookie) return invalidToken;
    if (operation.operation === OperationTypeNode.SUBSCRIPTION) return noSubscriptions;
    const variablesError = variablesLimitError(schema, operation, variables);
    if (variablesError) return refusal(400, variablesError.toJSON());
    if (isAlwaysCheap || costOf({ ...input, variables }) <= limits.cost) return undefined;
    return tooExpensive;
  };
}

function refusal(
  status: number,
  error: GraphQLFormattedError,
  headers: OperationResponse['headers'] = {},
): OperationResponse {
  return { result: { errors: [error] }, status, headers };
}

/** Fails the whole request, before the execution. */
const invalidToken = refusal(
  statusOf('UNAUTHENTICATED'),
  { message: sentenceOf('UNAUTHENTICATED'), extensions: { code: 'UNAUTHENTICATED' } },
  { 'www-authenticate': invalidTokenChallenge },
);

const noSubscriptions = refusal(400, {
  message: 'Subscriptions are not supported.',
  extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
});

const tooExpensive = refusal(
  400,
  new QueryLimitError('The operation is too expensive. Request fewer items or fields.').toJSON(),
);

const noHeaders = {};

function toResponse(result: ExecutionResult, report: ReportErrors): OperationResponse {
  const { data = null, errors } = result;
  if (!errors) return { result: { data }, status: 200, headers: noHeaders };
  if (!('data' in result)) {
    const shown = publicErrors(errors.map(toBadInput));
    return { result: { errors: shown }, status: undefined, headers: noHeaders };
  }
  report(errors);
  const shown = publicErrors(errors);
  return { result: { errors: shown, data }, status: 200, headers: retryAfterOf(shown) };
}

/** `Retry-After` for clients that read no errors, such as proxies: the longest wait of the errors. */
function retryAfterOf(errors: readonly GraphQLFormattedError[]): OperationResponse['headers'] {
  const waits = errors.map(({ extensions }) => extensions?.retryAfter).filter(isNumber);
  return waits.length === 0 ? noHeaders : { 'retry-after': String(Math.max(...waits)) };
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}

/** The first errors only, so that a small request cannot cause a large response. */
function publicErrors(errors: readonly GraphQLError[]): readonly GraphQLFormattedError[] {
  return errors.slice(0, limits.errors).map((error) => publicError(error.toJSON(), error));
}

/** Adds the code of Apollo for invalid variables. */
function toBadInput(error: GraphQLError): GraphQLError {
  return new GraphQLError(error.message, {
    ...(error.nodes ? { nodes: error.nodes } : {}),
    extensions: { ...error.extensions, code: 'BAD_USER_INPUT' },
  });
}
