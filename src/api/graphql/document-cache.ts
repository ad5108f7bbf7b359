/**
 * Documents of callers that Apollo has read, checked and answered before. Asked again in the plainest
 * way they are run at once: most requests of a client are the same few documents, and nothing of what
 * Apollo does on the way to their execution comes out differently the second time. Whatever is not
 * plain, or was never answered without an error, goes to Apollo.
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
  presentingErrors,
  type RunOperation,
  type Variables,
} from './compiled-operations.ts';
import type { ReportErrors } from './errors.ts';
import { fewOf, QueryLimitError } from './limits.ts';

export interface DocumentCache {
  readonly observe: ApolloServerPlugin<RequestContext>;
  /** Whether the request's document asks for a login and for nothing else. */
  isLogin(request: FastifyRequest): boolean;
  /** The answer, as JSON; nothing where the request is Apollo's to answer. */
  execute(request: FastifyRequest): Promise<string | undefined>;
}

interface Known {
  readonly isLogin: boolean;
  /** Once it has been answered without an error. */
  run?: RunOperation;
}

interface Plain {
  readonly run: RunOperation;
  readonly variables: Variables;
}

const mostDocuments = 500;
const longestDocument = 2000;

/** Accept headers that mean plain JSON to Apollo: none, those of browsers and of the usual clients. */
const plainAccepts: ReadonlySet<string | undefined> = new Set([
  undefined,
  '*/*',
  'application/json',
  'application/json, */*',
  'application/json, text/plain, */*',
]);
const plainKeys: ReadonlySet<string> = new Set(['query', 'variables', 'operationName']);

export function createDocumentCache(report: ReportErrors): DocumentCache {
  const known = new LRUCache<string, Known>({ max: mostDocuments });
  const present = presentingErrors(report);

  const find = ({ body }: FastifyRequest): Known | undefined => {
    const { query } = Object(body) as { query?: unknown }; // any object has keys
    return typeof query === 'string' ? known.get(query) : undefined;
  };

  const listener: GraphQLRequestListener<RequestContext> = {
    async didResolveOperation({ request: { query }, document, operation }) {
      if (query === undefined || !operation || query.length > longestDocument) return;
      if (!known.has(query)) known.set(query, { isLogin: isLogin(document, operation) });
    },
    async willSendResponse({ request: { query = '' }, response, schema, document, operation }) {
      const { body, http } = response;
      const isAnswered =
        body.kind === 'single' && body.singleResult.data && !body.singleResult.errors;
      const found = known.peek(query);
      if (!isAnswered || http.status !== undefined || !found || found.run) return;
      if (!document || !operation || !hasOneOperation(document)) return;
      found.run = compileOperation({ schema, document, operation });
    },
  };
  const listening = Promise.resolve(listener);

  const plain = (request: FastifyRequest): Plain | undefined => {
    const run = find(request)?.run;
    if (!run || request.method !== 'POST' || !plainAccepts.has(request.headers.accept)) return;
    const { body } = request as { body: Readonly<Record<string, unknown>> }; // it has a query
    const { variables, operationName } = body;
    const isPlain = isVariables(variables) && (operationName ?? null) === null;
    if (!isPlain || !Object.keys(body).every((key) => plainKeys.has(key))) return;
    return { run, variables: variables ?? {} };
  };

  return {
    observe: { requestDidStart: () => listening },
    isLogin: (request) => find(request)?.isLogin === true,
    async execute(request) {
      const found = plain(request);
      if (!found) return undefined;
      const context = contextOf(request);
      try {
        const result = await found.run(found.variables, context);
        if (!('data' in result)) return undefined;
        const { data, errors } = result;
        const shown = errors && { errors: fewOf(present(errors, context)) };
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

/** Nothing but a login, whatever the variables say. */
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
