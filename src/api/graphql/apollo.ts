/** Configures Apollo Server and serves GraphQL over HTTP. */
import { ApolloServer, type ApolloServerPlugin, type GraphQLRequestListener } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import type { FastifyInstance } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { RequestContext } from '../../core/request-context.ts';
import type { Log } from '../../observability/log.ts';
import { acceptsOnlyJson } from '../http/content-negotiation.ts';
import { contextOf } from '../http/context.ts';
import { graphqlPath } from '../http/responses.ts';
import { oneCredentialRule } from './credential-fields.ts';
import type { DocumentCache } from './document-cache.ts';
import { publicError, reportErrors } from './errors.ts';
import { isQueryLimitError, limitRules, limits } from './limits.ts';
import type { ShedLogin } from './load-shedding.ts';
import { checkOperations } from './operation-checks.ts';
import { labelOperations } from './operation-labels.ts';
import { onlyTrusted, type TrustedDocuments } from './trusted-documents.ts';

export type Graphql = ApolloServer<RequestContext>;

export async function createGraphql(deps: {
  readonly schema: GraphQLSchema;
  readonly isDebug: boolean;
  readonly log: Log;
  /** The only documents that are accepted over HTTP; without it, all documents are. */
  readonly trustedDocuments?: TrustedDocuments | undefined;
  /** Observes the documents that Apollo executes. */
  readonly documentCache?: Pick<DocumentCache, 'observe'> | undefined;
}): Promise<Graphql> {
  const server = new ApolloServer<RequestContext>({
    schema: deps.schema,
    introspection: deps.isDebug,
    includeStacktraceInErrorResponses: false,
    hideSchemaDetailsFromClientErrors: !deps.isDebug,
    allowBatchedHttpRequests: false,
    persistedQueries: false,
    csrfPrevention: true,
    parseOptions: { maxTokens: limits.tokens },
    validationRules: [...limitRules, oneCredentialRule],
    validationOptions: { maxErrors: limits.errors },
    executionOptions: { maxCoercionErrors: limits.errors },
    plugins: [
      ApolloServerPluginLandingPageDisabled(),
      // The plugin would visit every field of a response, and no response is cacheable.
      ApolloServerPluginCacheControlDisabled(),
      ...(deps.trustedDocuments ? [onlyTrusted(deps.trustedDocuments)] : []),
      checkOperations,
      labelOperations,
      reportErrors(deps.log),
      statusesByAccept,
      ...(deps.documentCache ? [deps.documentCache.observe] : []),
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
  deps: {
    readonly graphql: Graphql;
    readonly documentCache: DocumentCache;
    readonly shedLogin: ShedLogin;
  },
): void {
  const { documentCache } = deps;
  const handleWithApollo = fastifyApolloHandler(deps.graphql, {
    context: async (request) => contextOf(request),
  });
  app.route({
    method: ['GET', 'POST'],
    url: graphqlPath,
    // Apollo rejects HEAD.
    exposeHeadRoute: false,
    config: { format: 'graphql' },
    preHandler: (request, _reply, done) => {
      if (documentCache.isLogin(request)) deps.shedLogin(request);
      done();
    },
    async handler(request, reply) {
      const response = await documentCache.execute(request);
      if (response === undefined) return handleWithApollo.call(app, request, reply);
      return reply.type('application/json; charset=utf-8').send(response);
    },
  });
}

/** The codes of errors in a document or its variables. */
const documentErrorCodes: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);

const listener: GraphQLRequestListener<RequestContext> = {
  async willSendResponse({ request, response, errors = [] }) {
    const { http, body } = response;
    if (http.status !== 400 || body.kind !== 'single' || 'data' in body.singleResult) return;
    if (!acceptsOnlyJson(request.http?.headers.get('accept'))) return;
    const isDocumentError = errors.every(
      (error) => documentErrorCodes.has(error.extensions.code) && !isQueryLimitError(error),
    );
    if (isDocumentError) http.status = 200;
  },
};
const started = Promise.resolve(listener);

/** GraphQL over HTTP: a legacy client, which accepts `application/json` only, gets 200 for document errors. */
const statusesByAccept: ApolloServerPlugin<RequestContext> = { requestDidStart: () => started };
