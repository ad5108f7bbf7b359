/**
 * The document cache: executes documents that Apollo has executed successfully before, without Apollo. Most
 * requests of a client are the same few documents. Unusual requests, and documents that never succeeded, go
 * to Apollo.
 */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import { type DocumentNode, Kind, type OperationDefinitionNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { RequestContext } from '../../core/request-context.ts';
import { contextOf } from '../http/context.ts';
import { toJsonLine } from '../http/responses.ts';
import {
  compileOperation,
  createErrorFormatter,
  type ExecuteOperation,
  type Variables,
} from './compiled-operations.ts';
import type { ReportErrors } from './errors.ts';
import { QueryLimitError, truncateErrors } from './limits.ts';

export interface DocumentCache {
  readonly observe: ApolloServerPlugin<RequestContext>;
  /** Whether the document of the request is a known one with the field `login` only. */
  isLogin(request: FastifyRequest): boolean;
  /** The response as JSON; undefined when Apollo has to handle the request. */
  execute(request: FastifyRequest): Promise<string | undefined>;
}

interface CachedDocument {
  readonly isLogin: boolean;
  /** Set after the first successful execution. */
  execute?: ExecuteOperation;
}

interface CachedRequest {
  readonly execute: ExecuteOperation;
  readonly variables: Variables;
}

const maxDocuments = 500;
/** Characters. */
const maxDocumentLength = 2000;

/** Accept headers for which Apollo responds with plain JSON: those of common clients, or none. */
const supportedAccepts: ReadonlySet<string | undefined> = new Set([
  undefined,
  '*/*',
  'application/json',
  'application/json, */*',
  'application/json, text/plain, */*',
]);
const supportedKeys: ReadonlySet<string> = new Set(['query', 'variables', 'operationName']);

export function createDocumentCache(report: ReportErrors): DocumentCache {
  const documents = new LRUCache<string, CachedDocument>({ max: maxDocuments });
  const formatErrors = createErrorFormatter(report);

  const find = ({ body }: FastifyRequest): CachedDocument | undefined => {
    const { query } = Object(body) as { query?: unknown }; // any object has keys
    return typeof query === 'string' ? documents.get(query) : undefined;
  };

  const listener: GraphQLRequestListener<RequestContext> = {
    async didResolveOperation({ request: { query }, document, operation }) {
      if (query === undefined || !operation || query.length > maxDocumentLength) return;
      if (!documents.has(query)) documents.set(query, { isLogin: isLogin(document, operation) });
    },
    async willSendResponse({ request: { query = '' }, response, schema, document, operation }) {
      const { body, http } = response;
      const isSuccess =
        body.kind === 'single' && body.singleResult.data && !body.singleResult.errors;
      const found = documents.peek(query);
      if (!isSuccess || http.status !== undefined || !found || found.execute) return;
      if (!document || !operation || !hasOneOperation(document)) return;
      found.execute = compileOperation({ schema, document, operation });
    },
  };
  const started = Promise.resolve(listener);

  const toCachedRequest = (request: FastifyRequest): CachedRequest | undefined => {
    const execute = find(request)?.execute;
    if (!execute || request.method !== 'POST' || !supportedAccepts.has(request.headers.accept))
      return;
    const { body } = request as { body: Readonly<Record<string, unknown>> }; // find has read its query
    const { variables, operationName } = body;
    const isSupported = isVariables(variables) && (operationName ?? null) === null;
    if (!isSupported || !Object.keys(body).every((key) => supportedKeys.has(key))) return;
    return { execute, variables: variables ?? {} };
  };

  return {
    observe: { requestDidStart: () => started },
    isLogin: (request) => find(request)?.isLogin === true,
    async execute(request) {
      const cached = toCachedRequest(request);
      if (!cached) return undefined;
      const context = contextOf(request);
      try {
        const result = await cached.execute(cached.variables, context);
        if (!('data' in result)) return undefined;
        const { data, errors } = result;
        const shown = errors && { errors: truncateErrors(formatErrors(errors, context)) };
        return toJsonLine({ ...shown, data });
      } catch (error) {
        if (error instanceof QueryLimitError) return undefined;
        throw error;
      }
    },
  };
}

function isVariables(value: unknown): value is Variables | null | undefined {
  return (value ?? null) === null || (typeof value === 'object' && !Array.isArray(value));
}

function hasOneOperation({ definitions }: DocumentNode): boolean {
  return definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION).length === 1;
}

/** Whether `login` is the only field, without directives. */
function isLogin(
  { definitions }: DocumentNode,
  { selectionSet }: OperationDefinitionNode,
): boolean {
  const [field, ...others] = selectionSet.selections;
  return (
    definitions.length === 1 &&
    others.length === 0 &&
    field?.kind === Kind.FIELD &&
    field.name.value === 'login' &&
    (field.directives ?? []).length === 0
  );
}
