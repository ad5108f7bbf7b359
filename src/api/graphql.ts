/** Apollo Server: what it may tell, and how it answers over HTTP. */
import { ApolloServer } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import { GraphQLError, type GraphQLFormattedError, type GraphQLSchema } from 'graphql';
import type { Context } from '../core/actor.ts';
import { isProblemCode, sentenceOf } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { contextOf } from './context.ts';

export type Graphql = ApolloServer<Context>;

/** Apollo's own codes for requests that never reached a resolver; their texts name no internals. */
const malformedCodes: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'BAD_REQUEST',
]);

export async function createGraphql(parts: {
  readonly schema: GraphQLSchema;
  readonly isDebug: boolean;
  readonly log: Log;
}): Promise<Graphql> {
  const server = new ApolloServer<Context>({
    schema: parts.schema,
    introspection: parts.isDebug,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: !parts.isDebug,
    allowBatchedHttpRequests: false,
    csrfPrevention: true,
    plugins: [ApolloServerPluginLandingPageDisabled()],
    cache: 'bounded',
    stopOnTerminationSignals: false,
    formatError: (formatted, error) => maskError(formatted, error, parts.log),
    logger: parts.log,
  });
  await server.start();
  return server;
}

export function serveGraphql(app: FastifyInstance, graphql: Graphql): void {
  app.route({
    method: ['GET', 'POST'],
    url: '/graphql',
    config: { speaks: 'graphql' },
    handler: fastifyApolloHandler(graphql, {
      context: async (request) => contextOf(request),
    }),
  });
}

/** Lets through what was said on purpose; everything else becomes INTERNAL and goes to the log. */
function maskError(
  formatted: GraphQLFormattedError,
  error: unknown,
  log: Log,
): GraphQLFormattedError {
  const code = formatted.extensions?.code;
  if (code === 'BAD_USER_INPUT') return badInput(formatted);
  if (malformedCodes.has(code)) return formatted;
  const cause = unwrapResolverError(error);
  if (cause instanceof GraphQLError && isProblemCode(cause.extensions.code)) return formatted;
  log.error({ err: cause, path: formatted.path }, 'unexpected error');
  return {
    message: sentenceOf('INTERNAL'),
    ...(formatted.path ? { path: formatted.path } : {}),
    extensions: { code: 'INTERNAL' },
  };
}

/**
 * graphql-js quotes the offending value, which may be a password: only the name of the input is
 * kept of its message.
 */
function badInput(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const name =
    /at "([\w.[\]]+)"/.exec(formatted.message)?.[1] ??
    /^(?:Variable|Argument) "\$?(\w+)/.exec(formatted.message)?.[1] ??
    'input';
  const missing = /Field "(\w+)" of required type/.exec(formatted.message)?.[1];
  const path = missing === undefined ? name : `${name}.${missing}`;
  const message = missing === undefined ? 'Has the wrong type.' : 'Must be given.';
  return {
    message: `${path}: ${message}`,
    ...(formatted.locations ? { locations: formatted.locations } : {}),
    extensions: { code: 'BAD_USER_INPUT', fields: [{ path, message }] },
  };
}
