/**
 * The documents that this installation's own clients were built with: a manifest names them, and over
 * HTTP no other is taken. REST and the pages run documents of ours and are not asked.
 */
import { readFileSync } from 'node:fs';
import type { ApolloServerPlugin, GraphQLRequest } from '@apollo/server';
import { GraphQLError, parse } from 'graphql';
import { z } from 'zod';
import { ConfigError } from '../../config/config.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { decodeUtf8, EncodingError } from '../../core/text.ts';
import { limits } from './limits.ts';

/** Texts by their ids. */
export type TrustedDocuments = ReadonlyMap<string, string>;

const text = z.string().min(1);

/** As `@apollo/generate-persisted-query-manifest` writes it. */
const apolloManifest = z
  .object({
    format: z.literal('apollo-persisted-query-manifest'),
    version: z.literal(1),
    operations: z.array(z.object({ id: text, body: text })),
  })
  .transform(({ operations }) => operations.map(({ id, body }) => [id, body] as const));

/** `{"<sha256 of the document>": "document"}`, as the code generators for clients write it. */
const flatManifest = z.record(text, text).transform((documents) => Object.entries(documents));

/** @throws ConfigError when the manifest cannot be read or holds what no client can send */
export function readTrustedDocuments(file: string): TrustedDocuments {
  const documents = new Map<string, string>();
  for (const [id, document] of entriesOf(file)) {
    if (documents.has(plainId(id))) throw fault(file, `names ${JSON.stringify(id)} twice`);
    requireDocument(file, id, document);
    documents.set(plainId(id), document);
  }
  if (documents.size === 0) throw fault(file, 'lists no document');
  return documents;
}

function entriesOf(file: string): readonly (readonly [id: string, document: string])[] {
  const json = jsonOf(file);
  const isApollo = typeof json === 'object' && json !== null && 'format' in json;
  const result = (isApollo ? apolloManifest : flatManifest).safeParse(json);
  if (result.success) return result.data;
  throw fault(
    file,
    'must be {"<sha256>": "document", …} or an apollo-persisted-query-manifest of version 1',
  );
}

function jsonOf(file: string): unknown {
  try {
    return JSON.parse(decodeUtf8(readFileSync(file)));
  } catch (error) {
    throw fault(file, reasonOf(error));
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof EncodingError) return error.message;
  return error instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
}

function requireDocument(file: string, id: string, document: string): void {
  try {
    parse(document, { maxTokens: limits.tokens });
  } catch (error) {
    throw fault(file, `has no valid document at ${JSON.stringify(id)}: ${String(error)}`);
  }
}

function fault(file: string, what: string): ConfigError {
  return new ConfigError([`TRUSTED_DOCUMENTS: ${file} ${what}`]);
}

/** `documentId` says which hash it is; manifests and older clients do not. */
function plainId(id: string): string {
  return id.replace(/^sha256:/i, '');
}

/** Replaces an id by its document, and refuses what is not listed. */
export function onlyTrusted(documents: TrustedDocuments): ApolloServerPlugin<RequestContext> {
  const texts = new Set(documents.values());
  return {
    async requestDidStart({ request }) {
      const id = idOf(request);
      if (id === undefined && !request.query) return; // is refused for asking nothing
      const listed = id === undefined ? request.query : documents.get(plainId(id));
      const isOther = request.query !== undefined && request.query !== listed;
      const { persistedQuery: _, ...extensions } = request.extensions ?? {};
      request.extensions = extensions;
      if (listed !== undefined && texts.has(listed) && !isOther) {
        request.query = listed;
        return;
      }
      return refuseIn(request);
    },
  };
}

/** Apollo answers what is thrown once an operation is resolved, so there has to be a harmless one. */
function refuseIn(request: GraphQLRequest) {
  request.query = '{ __typename }';
  return {
    async didResolveOperation(): Promise<never> {
      const message = 'Only listed operations are taken here; this one is not in the manifest.';
      throw new GraphQLError(message, {
        extensions: { code: 'PERSISTED_QUERY_NOT_IN_LIST', http: { status: 400 } },
      });
    },
  };
}

/** As `documentId` of the request, or in the manner of Apollo's persisted queries. */
function idOf({ http, extensions }: GraphQLRequest): string | undefined {
  const search = new URLSearchParams(http?.search);
  const ids = [
    Object(http?.body).documentId,
    search.get('documentId'),
    Object(extensions?.persistedQuery).sha256Hash,
  ];
  return ids.find((id) => typeof id === 'string');
}
