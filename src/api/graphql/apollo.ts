/** Apollo Server: what it may tell, and how it answers over HTTP. */
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
import { contextOf } from '../http/context.ts';
import { graphqlPath } from '../http/responses.ts';
import { oneCredentialRule } from './credential-fields.ts';
import type { DocumentCache } from './document-cache.ts';
import { publicError, reportErrors } from './errors.ts';
import { isQueryLimitError, limitRules, limits } from './limits.ts';
import type { ShedLogin } from './load-shedding.ts';
import { refuseOperations } from './operation-checks.ts';
import { labelOperations } from './operation-labels.ts';
import { onlyTrusted, type TrustedDocuments } from './trusted-documents.ts';

export type Graphql = ApolloServer<RequestContext>;

export async function createGraphql(parts: {
  readonly schema: GraphQLSchema;
  readonly isDebug: boolean;
  readonly log: Log;
  /** The only documents that are taken over HTTP; any, when left out. */
  readonly trustedDocuments?: TrustedDocuments | undefined;
  /** Learns from the documents that are answered. */
  readonly documentCache?: Pick<DocumentCache, 'observe'> | undefined;
}): Promise<Graphql> {
  const server = new ApolloServer<RequestContext>({
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
      labelOperations,
      reportErrors(parts.log),
      statusesByAccept,
      ...(parts.documentCache ? [parts.documentCache.observe] : []),
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
    readonly documentCache: DocumentCache;
    readonly shedLogin: ShedLogin;
  },
): void {
  const { documentCache } = parts;
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
      if (documentCache.isLogin(request)) parts.shedLogin(request);
      done();
    },
    async handler(request, reply) {
      const answer = await documentCache.execute(request);
      if (answer === undefined) return askApollo.call(app, request, reply);
      return reply.type('application/json; charset=utf-8').send(answer);
    },
  });
}

/** What a document, or the values for its variables, can have wrong. */
const codesOfDocuments: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);

const listener: GraphQLRequestListener<RequestContext> = {
  async willSendResponse({ request, response, errors = [] }) {
    const { http, body } = response;
    if (http.status !== 400 || body.kind !== 'single' || 'data' in body.singleResult) return;
    if (!isLegacy(request.http?.headers.get('accept'))) return;
    const isAnswer = errors.every(
      (error) => codesOfDocuments.has(error.extensions.code) && !isQueryLimitError(error),
    );
    if (isAnswer) http.status = 200;
  },
};
const listening = Promise.resolve(listener);

const statusesByAccept: ApolloServerPlugin<RequestContext> = { requestDidStart: () => listening };

/** Whether `application/json` is all that is accepted, said in so many words. */
function isLegacy(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((type) => type.split(';')[0]?.trim().toLowerCase());
  return types.every((type) => type === 'application/json');
}
