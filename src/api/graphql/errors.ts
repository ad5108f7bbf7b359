/**
 * What of an error GraphQL's callers get to see. graphql-js likes to quote what it was sent, which may
 * be a password: of such messages only the name of the input is kept.
 */

import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { isProblemCode, sentenceOf } from '../../core/errors.ts';
import { currentContext, type RequestContext } from '../../core/request-context.ts';
import type { Log } from '../../observability/log.ts';
import { fewOf, hasTooManyTokens, isQueryLimitError, limits } from './limits.ts';

/** Apollo's own codes for requests that never reached a resolver. */
const malformedCodes: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'PERSISTED_QUERY_NOT_IN_LIST',
  'BAD_REQUEST',
]);

type Kind = 'bad-input' | 'malformed' | 'problem' | 'hang-up' | 'unexpected';

function kindOf(error: unknown): Kind {
  const code = error instanceof GraphQLError ? error.extensions.code : undefined;
  const cause = unwrapResolverError(error);
  if (error instanceof GraphQLError && isQueryLimitError(error)) return 'malformed';
  if (code === 'BAD_USER_INPUT' || isArgumentError(cause)) return 'bad-input';
  if (malformedCodes.has(code)) return 'malformed';
  if (cause instanceof GraphQLError && isProblemCode(cause.extensions.code)) return 'problem';
  if (cause instanceof Error && cause.name === 'AbortError') return 'hang-up';
  return 'unexpected';
}

/** Whether it is a mistake of ours, for the log. */
function isUnexpected(error: unknown): boolean {
  return kindOf(error) === 'unexpected';
}

/** Lets through what was said on purpose; everything else becomes INTERNAL. */
export function publicError(
  formatted: GraphQLFormattedError,
  error: unknown,
): GraphQLFormattedError {
  switch (kindOf(error)) {
    case 'bad-input':
      return badInput(formatted);
    case 'malformed':
      return { ...formatted, message: sentenceOfMalformed(formatted) };
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

/** Apollo would tell how to configure it, and GraphQL would not say what to do. */
function sentenceOfMalformed({ message, extensions }: GraphQLFormattedError): string {
  if (extensions?.validationErrorCode === 'INTROSPECTION_DISABLED') {
    return 'The schema cannot be asked for here.';
  }
  if (hasTooManyTokens(message)) {
    return `A document may have ${limits.tokens} tokens; ask in several requests.`;
  }
  if (message === 'Validation aborted.') return 'The document repeats too much to be checked.';
  return withoutValues(message);
}

/** graphql-js throws these while it collects arguments, with the whole argument in the message. */
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
  const { message: original, locations } = formatted;
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
  if (missing !== undefined) return { name: missing, fault: 'Must be given.' };
  const unknown = /Field "(\w+)" is not defined by type "\w+"/.exec(message)?.[1];
  if (unknown !== undefined) return { name: unknown, fault: 'Is not known here.' };
  return { fault: 'Has the wrong type.' };
}

/** Writes those of an answer's errors that nobody expected to the log, by an id that the answer has. */
export type ReportErrors = (errors: readonly GraphQLError[]) => void;

export function reportingTo(log: Log): ReportErrors {
  return (errors) => {
    for (const error of errors.filter(isUnexpected)) {
      report(log, error.originalError ?? error, error.path);
    }
  };
}

/** The same for what Apollo answers, which lists a few errors at most. */
export function reportErrors(log: Log): ApolloServerPlugin<RequestContext> {
  const reportAll = reportingTo(log);
  const listener: GraphQLRequestListener<RequestContext> = {
    didEncounterErrors: async ({ errors }) => reportAll(errors),
    async willSendResponse({ response: { body } }) {
      if (body.kind !== 'single' || !body.singleResult.errors) return;
      body.singleResult.errors = fewOf(body.singleResult.errors);
    },
  };
  const listening = Promise.resolve(listener);
  return {
    contextCreationDidFail: async ({ error }) => report(log, error),
    unexpectedErrorProcessingRequest: async ({ error }) => report(log, error),
    requestDidStart: () => listening,
  };
}

function report(log: Log, error: Error, path?: GraphQLError['path']): void {
  const requestId = currentContext()?.client.requestId;
  log.error({ err: error, path, requestId }, 'unexpected error');
}
