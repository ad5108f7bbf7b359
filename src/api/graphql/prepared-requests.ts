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
import { documentErrorStatus } from './errors.ts';
import type { ExecuteOperation, Operations, Variables } from './operations.ts';
import { documentOf, type TrustedDocuments } from './trusted-documents.ts';

export interface PreparedRequest {
  readonly execute: ExecuteOperation;
  readonly variables: Variables;
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

export function createPreparedRequests(
  { prepare }: Operations,
  trusted?: TrustedDocuments,
): PreparedRequests {
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
      const parsed = parseRequest(request, trusted);
      const found = parsed && documents.get(parsed.query)?.get(parsed.operationName);
      if (!found || (request.method === 'GET' && !found.isQuery)) return undefined;
      return { execute: found.execute, variables: parsed.variables };
    },
  };
}

interface ParsedRequest {
  readonly query: string;
  readonly operationName: string | undefined;
  readonly variables: Variables;
}

/** Undefined for requests that Apollo rejects. */
function parseRequest(
  request: FastifyRequest,
  trusted: TrustedDocuments | undefined,
): ParsedRequest | undefined {
  const values = request.method === 'GET' ? searchValues(request) : bodyValues(request);
  if (values === undefined) return undefined;
  const { operationName, variables, extensions } = values;
  if (!isMissingOr(isString, operationName)) return undefined;
  if (!isMissingOr(isRecord, variables) || !isMissingOr(isRecord, extensions)) return undefined;
  const parameters = [values, isRecord(request.query) ? request.query : {}];
  const query = documentOf({ query: values.query, extensions, parameters }, trusted);
  if (query === undefined) return undefined;
  return { query, operationName: operationName ?? undefined, variables: variables ?? {} };
}

type Values = Readonly<Record<string, unknown>>;

function bodyValues(request: FastifyRequest): Values | undefined {
  return isRecord(request.body) && !isForm(request) ? request.body : undefined;
}

function searchValues({ headers, query }: FastifyRequest): Values | undefined {
  if (headers['content-type'] !== undefined || !isRecord(query)) return undefined;
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
