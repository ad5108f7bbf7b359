/** Apollo Server: what it may tell, and how it answers over HTTP. */
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Context } from '../core/actor.ts';
import type { Log } from '../core/log.ts';
import { contextOf } from './context.ts';
import { oneCredentialRule } from './credential-fields.ts';
import type { RefuseCrowdedLogin } from './crowded-logins.ts';
import { graphqlPath } from './envelope.ts';
import { publicError } from './graphql-errors.ts';
import { limitRules, limits } from './graphql-limits.ts';
import { noteOutcomes } from './graphql-outcomes.ts';
import { statusesByAccept } from './graphql-over-http.ts';
import { refuseOperations } from './graphql-refusals.ts';
import { reportErrors } from './graphql-reports.ts';
import type { KnownDocuments } from './known-documents.ts';
import { onlyTrusted, type TrustedDocuments } from './trusted-documents.ts';

export type Graphql = ApolloServer<Context>;

export async function createGraphql(parts: {
  readonly schema: GraphQLSchema;
  readonly isDebug: boolean;
  readonly log: Log;
  /** The only documents that are taken over HTTP; any, when left out. */
  readonly trustedDocuments?: TrustedDocuments | undefined;
  /** Learns from the documents that are answered. */
  readonly knownDocuments?: Pick<KnownDocuments, 'learn'> | undefined;
}): Promise<Graphql> {
  const server = new ApolloServer<Context>({
    schema: parts.schema,
    introspection: parts.isDebug,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: !parts.isDebug,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    csrfPrevention: true,
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [...limitRules, oneCredentialRule],
    validationOptions: { maxErrors: limits.errors },
    executionOptions: { maxCoercionErrors: limits.errors },
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      // It follows every field of every answer, and none of ours may be kept.
      ApolloServerPluginCacheControlDisabled(),
      ...(parts.trustedDocuments ? [onlyTrusted(parts.trustedDocuments)] : []),
      refuseOperations,
      noteOutcomes,
      reportErrors(parts.log),
      statusesByAccept,
      ...(parts.knownDocuments ? [parts.knownDocuments.learn] : []),
    ],
    cache: 'bounded',
    stopOnTerminationSignals: false,
    formatError: publicError,
    logger: parts.log,
  });
  await server.start();
  return server;
}

export function serveGraphql(
  app: FastifyInstance,
  parts: {
    readonly graphql: Graphql;
    readonly knownDocuments: KnownDocuments;
    readonly refuseCrowdedLogin: RefuseCrowdedLogin;
  },
): void {
  const { knownDocuments } = parts;
  const askApollo = fastifyApolloHandler(parts.graphql, {
    context: async (request) => contextOf(request),
  });
  app.route({
    method: ['GET', 'POST'],
    url: graphqlPath,
    // Apollo refuses HEAD.
    exposeHeadRoute: false,
    config: { speaks: 'graphql' },
    preHandler: (request, _reply, done) => {
      if (knownDocuments.isLogin(request)) parts.refuseCrowdedLogin(request);
      done();
    },
    async handler(request, reply) {
      const answer = await knownDocuments.answer(request);
      if (answer === undefined) return askApollo.call(app, request, reply);
      return reply.type('application/json; charset=utf-8').send(answer);
    },
  });
}
