/**
 * The public form of GraphQL errors. Messages of graphql-js quote input values, which may be passwords: their
 * public form has the name of the input only. Unexpected errors are logged and masked as INTERNAL.
 */

import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { isProblemCode, sentenceOf } from '../../core/errors.ts';
import { currentContext, type RequestContext } from '../../core/request-context.ts';
import { timeFault } from '../../core/time.ts';
import type { Log } from '../../observability/log.ts';
import { acceptsOnlyJson, graphqlContentType } from '../http/content-negotiation.ts';
import { setErrorCodeOf } from '../http/request-log.ts';
import { hasTooManyTokens, isQueryLimitError, limits } from './limits.ts';

/** The codes of Apollo for requests that did not reach a resolver. */
const malformedCodes: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'PERSISTED_QUERY_NOT_IN_LIST',
  'BAD_REQUEST',
]);

type Kind = 'bad-input' | 'malformed' | 'problem' | 'disconnect' | 'unexpected';

function kindOf(error: unknown): Kind {
  const code = error instanceof GraphQLError ? error.extensions.code : undefined;
  const cause = unwrapResolverError(error);
  if (error instanceof GraphQLError && isQueryLimitError(error)) return 'malformed';
  if (code === 'BAD_USER_INPUT' || isArgumentError(cause)) return 'bad-input';
  if (malformedCodes.has(code)) return 'malformed';
  if (cause instanceof GraphQLError && isProblemCode(cause.extensions.code)) return 'problem';
  if (cause instanceof Error && cause.name === 'AbortError') return 'disconnect';
  return 'unexpected';
}

function isUnexpected(error: unknown): boolean {
  return kindOf(error) === 'unexpected';
}

/** Errors without a public form become INTERNAL. */
export function publicError(
  formatted: GraphQLFormattedError,
  error: unknown,
): GraphQLFormattedError {
  switch (kindOf(error)) {
    case 'bad-input':
      return badInput(formatted);
    case 'malformed':
      return { ...formatted, message: malformedMessage(formatted) };
    case 'problem':
      return formatted;
    default:
      return {
        message: sentenceOf('INTERNAL'),
        ...(formatted.path ? { path: formatted.path } : {}),
        extensions: { code: 'INTERNAL', requestId: currentContext()?.client.requestId },
      };
  }
}

/** Replaces messages of Apollo that explain its configuration, and those of graphql-js that do not help. */
function malformedMessage({ message, extensions }: GraphQLFormattedError): string {
  if (extensions?.validationErrorCode === 'INTROSPECTION_DISABLED') {
    return 'Introspection is disabled.';
  }
  if (hasTooManyTokens(message)) {
    return `A document may have at most ${limits.tokens} tokens. Send several requests.`;
  }
  if (message === 'Validation aborted.')
    return 'The document has too many repetitions to be validated.';
  return withoutValues(message);
}

/** graphql-js throws these for arguments of a wrong type. The message has the whole argument. */
function isArgumentError(cause: unknown): cause is GraphQLError {
  return (
    cause instanceof GraphQLError &&
    !cause.originalError &&
    /^(Argument|Variable) "/.test(cause.message)
  );
}

function withoutValues(message: string): string {
  return message.replace(
    /(cannot represent [\w -]+ value|Expected value of type "[^"]+", found).*/s,
    '$1.',
  );
}

const variableError = /^Variable "\$(\w+)" got invalid value .* at "([\w.[\]]+)"; /s;
const anyInputError = /^(?:Variable|Argument) "\$?(\w+)/;

function badInput(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const { message: original, locations, extensions } = formatted;
  if (extensions?.fields) return formatted; // an error of a resolver
  const owner = variableError.exec(original)?.[2] ?? anyInputError.exec(original)?.[1] ?? 'input';
  const { name, fault } = faultOf(original);
  const path = name === undefined ? owner : `${owner}.${name}`;
  return {
    message: `${path}: ${fault}`,
    ...(locations ? { locations } : {}),
    extensions: { code: 'BAD_USER_INPUT', fields: [{ path, message: fault }] },
  };
}

function faultOf(message: string): { name?: string | undefined; fault: string } {
  const missing = /Field "(\w+)" of required type/.exec(message)?.[1];
  if (missing !== undefined) return { name: missing, fault: 'Is required.' };
  const unknown = /Field "(\w+)" is not defined by type "\w+"/.exec(message)?.[1];
  if (unknown !== undefined) return { name: unknown, fault: 'Is unknown.' };
  return { fault: message.endsWith(`; ${timeFault}`) ? timeFault : 'Has the wrong type.' };
}

/** Logs unexpected errors with the request id, which the response has too. */
export type ReportErrors = (errors: readonly GraphQLError[]) => void;

export function createErrorReporter(log: Log): ReportErrors {
  return (errors) => {
    for (const error of errors.filter(isUnexpected)) {
      report(log, error.originalError ?? error, error.path);
    }
  };
}

/** The Apollo plugin for errors of requests without a valid operation, and for the content type of responses. */
export function handleErrors(log: Log): ApolloServerPlugin<RequestContext> {
  const reportAll = createErrorReporter(log);
  const listener: GraphQLRequestListener<RequestContext> = {
    didEncounterErrors: async ({ errors }) => reportAll(errors),
    async willSendResponse({ request, response: { http, body }, errors, contextValue }) {
      const accept = request.http?.headers.get('accept');
      const type = graphqlContentType(accept);
      if (type !== undefined) http.headers.set('content-type', type);
      if (!errors || body.kind !== 'single') return; // `operations.ts` has executed the operation
      const shown = (body.singleResult.errors ?? []).slice(0, limits.errors);
      body.singleResult.errors = shown;
      setErrorCodeOf(contextValue, shown[0]);
      if (http.status === 400 && errors.every(isDocumentError)) {
        http.status = documentErrorStatus(accept);
      }
    },
  };
  const started = Promise.resolve(listener);
  return {
    contextCreationDidFail: async ({ error }) => report(log, error),
    unexpectedErrorProcessingRequest: async ({ error }) => report(log, error),
    requestDidStart: () => started,
  };
}

function isDocumentError(error: GraphQLError): boolean {
  const { code } = error.extensions;
  const isOfDocument = code === 'GRAPHQL_PARSE_FAILED' || code === 'GRAPHQL_VALIDATION_FAILED';
  return isOfDocument && !isQueryLimitError(error);
}

/** GraphQL over HTTP: a legacy client, which accepts `application/json` only, gets 200 for document errors. */
export function documentErrorStatus(accept: string | undefined): number {
  return acceptsOnlyJson(accept) ? 200 : 400;
}

function report(log: Log, error: Error, path?: GraphQLError['path']): void {
  const requestId = currentContext()?.client.requestId;
  log.error({ err: error, path, requestId }, 'unexpected error');
}
