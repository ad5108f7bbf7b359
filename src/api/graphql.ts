/** Apollo Server: what it may tell, and how it answers over HTTP. */
import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import { GraphQLError, type GraphQLSchema } from 'graphql';
import type { Context } from '../core/actor.ts';
import type { Log } from '../core/log.ts';
import { contextOf } from './context.ts';
import { isUnexpected, publicError } from './graphql-errors.ts';

export type Graphql = ApolloServer<Context>;

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
    persistedQueries: false,
    csrfPrevention: true,
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      refuseSubscriptions,
      reportUnexpected(parts.log),
    ],
    cache: 'bounded',
    stopOnTerminationSignals: false,
    formatError: publicError,
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

const refuseSubscriptions: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async didResolveOperation({ operation }) {
      if (operation?.operation !== 'subscription') return;
      throw new GraphQLError('There are no subscriptions here.', {
        extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } },
      });
    },
  }),
};

/** Writes our own mistakes to the log, and the id to find them by into the answer. */
function reportUnexpected(log: Log): ApolloServerPlugin<Context> {
  return {
    requestDidStart: async ({ contextValue }) => {
      const { requestId } = contextValue.client;
      return {
        async didEncounterErrors({ errors }) {
          for (const error of errors.filter(isUnexpected)) {
            const { path, originalError } = error;
            log.error({ err: originalError ?? error, path, requestId }, 'unexpected error');
          }
        },
        async willSendResponse({ response: { body } }) {
          if (body.kind !== 'single' || !body.singleResult.errors) return;
          body.singleResult.errors = body.singleResult.errors.map((error) =>
            error.extensions?.code === 'INTERNAL'
              ? { ...error, extensions: { code: 'INTERNAL', requestId } }
              : error,
          );
        },
      };
    },
  };
}
