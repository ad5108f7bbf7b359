/**
 * Requests whose operation is prepared. Apollo parses and validates a document when it is first requested; its
 * operations are then kept, and later requests of any client need no work of Apollo.
 */
import { type ApolloServerPlugin, type GraphQLRequestListener, HeaderMap } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import { OperationTypeNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { RequestContext } from '../../core/request-context.ts';
import { isForm } from '../http/bodies.ts';
import { preferredType } from '../http/content-negotiation.ts';
import { documentErrorStatus } from './errors.ts';
import type { ExecuteOperation, Operations, Variables } from './operations.ts';

export interface PreparedRequest {
  readonly execute: ExecuteOperation;
  readonly variables: Variables;
  /** Of the response. */
  readonly contentType: string;
}

export interface PreparedRequests {
  /** Executes operations that Apollo has validated, and keeps them. */
  readonly plugin: ApolloServerPlugin<RequestContext>;
  /** Undefined when Apollo has to handle the request: its operation is new, or it is unusual or malformed. */
  find(request: FastifyRequest): PreparedRequest | undefined;
}

/** Characters of all documents together, whose syntax trees then have at most an estimated 20 MB. */
const maxCharacters = 100_000;
/** Longer documents are not kept. */
const maxDocumentLength = 10_000;

interface PreparedOperation {
  readonly execute: ExecuteOperation;
  readonly isQuery: boolean;
}

/** The operations of a document, by the `operationName` of the request. */
type PreparedDocument = Map<string | undefined, PreparedOperation>;

export function createPreparedRequests({ prepare }: Operations): PreparedRequests {
  const documents = new LRUCache<string, PreparedDocument>({
    maxSize: maxCharacters,
    maxEntrySize: maxDocumentLength,
    sizeCalculation: (_document, text) => text.length,
  });
  const listener: GraphQLRequestListener<RequestContext> = {
    async responseForOperation({ source, request, document, operation, contextValue }) {
      if (!operation) return null; // Apollo responds with an error
      const { operationName, variables = {}, http } = request;
      const prepared: PreparedDocument = documents.get(source) ?? new Map();
      const execute = prepared.get(operationName)?.execute ?? prepare(document, operation);
      const isQuery = operation.operation === OperationTypeNode.QUERY;
      documents.set(source, prepared.set(operationName, { execute, isQuery }));
      const response = await execute(variables, contextValue);
      const { status = documentErrorStatus(http?.headers.get('accept')), headers } = response;
      return {
        http: { status, headers: new HeaderMap(Object.entries(headers)) },
        body: { kind: 'single', singleResult: response.result },
      };
    },
  };
  const started = Promise.resolve(listener);
  return {
    plugin: { requestDidStart: () => started },
    find(request) {
      const parsed = parseRequest(request);
      const found = parsed && documents.get(parsed.query)?.get(parsed.operationName);
      if (!found || (request.method === 'GET' && !found.isQuery)) return undefined;
      const type = preferredType(request.headers.accept, responseTypes);
      if (type === undefined) return undefined;
      const { variables } = parsed;
      return { execute: found.execute, variables, contentType: `${type}; charset=utf-8` };
    },
  };
}

/** In the order of Apollo. */
const responseTypes = ['application/json', 'application/graphql-response+json'] as const;

interface ParsedRequest {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Variables;
}

/** Undefined for requests that Apollo rejects, and for ids of persisted documents. */
function parseRequest(request: FastifyRequest): ParsedRequest | undefined {
  const values = request.method === 'GET' ? searchValues(request) : bodyValues(request);
  if (values === undefined || values.documentId !== undefined) return undefined;
  const { query, operationName, variables, extensions } = values;
  if (!isMissingOr(isString, operationName)) return undefined;
  if (!isMissingOr(isRecord, variables) || !isMissingOr(isRecord, extensions)) return undefined;
  if (!isString(query) || extensions?.persistedQuery !== undefined) return undefined;
  return { query, operationName: operationName ?? undefined, variables: variables ?? {} };
}

type Values = Readonly<Record<string, unknown>>;

function bodyValues(request: FastifyRequest): Values | undefined {
  return isRecord(request.body) && !isForm(request) ? request.body : undefined;
}

/** Only for a request that a browser sends after a preflight, which is the protection of Apollo against CSRF. */
function searchValues({ headers, query }: FastifyRequest): Values | undefined {
  const isPreflighted = headers['apollo-require-preflight'] || headers['x-apollo-operation-name'];
  if (!isPreflighted || headers['content-type'] !== undefined || !isRecord(query)) return undefined;
  const { variables, extensions } = query;
  return { ...query, variables: parseJson(variables), extensions: parseJson(extensions) };
}

/** The value of JSON text; anything else unchanged. */
function parseJson(value: unknown): unknown {
  if (!isString(value)) return value;
  try {
    return JSON.parse(value) ?? value;
  } catch {
    return value;
  }
}

function isMissingOr<Value>(
  isValid: (value: unknown) => value is Value,
  value: unknown,
): value is Value | null | undefined {
  return value === undefined || value === null || isValid(value);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isRecord(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
