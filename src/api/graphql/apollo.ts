/** Configures Apollo Server and serves GraphQL over HTTP. */
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { RequestContext } from '../../core/request-context.ts';
import type { Log } from '../../observability/log.ts';
import { graphqlContentType } from '../http/content-negotiation.ts';
import { contextOf } from '../http/context.ts';
import { graphqlPath, HttpError, toJsonLine } from '../http/responses.ts';
import { oneCredentialRule } from './credential-fields.ts';
import { assertPreflighted } from './cross-site.ts';
import { documentErrorStatus, handleErrors, publicError } from './errors.ts';
import { limitRules, limits } from './limits.ts';
import type { PreparedRequests } from './prepared-requests.ts';
import { onlyTrusted, rejectIds, type TrustedDocuments } from './trusted-documents.ts';

export type Graphql = ApolloServer<RequestContext>;

export async function createGraphql(deps: {
  readonly schema: GraphQLSchema;
  readonly isDebug: boolean;
  readonly log: Log;
  /** The only documents that are accepted over HTTP; without it, all documents are. */
  readonly trustedDocuments?: TrustedDocuments | undefined;
  readonly preparedRequests: Pick<PreparedRequests, 'plugin'>;
}): Promise<Graphql> {
  const server = new ApolloServer<RequestContext>({
    schema: deps.schema,
    introspection: deps.isDebug,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: !deps.isDebug,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    csrfPrevention: false, // `assertPreflighted` also checks requests that Apollo does not see
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [...limitRules, oneCredentialRule],
    validationOptions: { maxErrors: limits.errors },
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      // The plugin would visit every field of a response, and no response is cacheable.
      ApolloServerPluginCacheControlDisabled(),
      // Apollo would send the durations of the fields of a subgraph to every client that asks for them.
      ApolloServerPluginInlineTraceDisabled(),
      deps.trustedDocuments ? onlyTrusted(deps.trustedDocuments) : rejectIds(),
      deps.preparedRequests.plugin,
      handleErrors(deps.log),
    ],
    cache: 'bounded',
    stopOnTerminationSignals: false,
    formatError: publicError,
    logger: deps.log,
  });
  await server.start();
  return server;
}

export function serveGraphql(
  app: FastifyInstance,
  {
    graphql,
    preparedRequests,
  }: { readonly graphql: Graphql; readonly preparedRequests: PreparedRequests },
): void {
  const handleWithApollo = fastifyApolloHandler(graphql, {
    context: async (request) => contextOf(request),
  });
  app.route({
    method: ['GET', 'POST'],
    url: graphqlPath,
    // Apollo rejects HEAD.
    exposeHeadRoute: false,
    config: { format: 'graphql', sessionTransport: 'header' },
    async handler(request, reply) {
      const contentType = graphqlContentType(request.headers.accept);
      if (contentType === undefined) throw new HttpError(406);
      assertPreflighted(request);
      const prepared = preparedRequests.find(request);
      if (!prepared) return handleWithApollo.call(app, request, reply);
      const { execute, variables } = prepared;
      const response = await execute(variables, contextOf(request));
      const { status = documentErrorStatus(request.headers.accept), headers, result } = response;
      return reply.code(status).headers(headers).type(contentType).send(toJsonLine(result));
    },
  });
}
