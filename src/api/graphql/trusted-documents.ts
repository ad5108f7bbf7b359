/**
 * Trusted documents: reads the manifest of TRUSTED_DOCUMENTS, and rejects any other document over HTTP. The
 * documents of REST routes and pages are not affected.
 */
import { readFileSync } from 'node:fs';
import type { ApolloServerPlugin, GraphQLRequest } from '@apollo/server';
import { GraphQLError, parse } from 'graphql';
import { z } from 'zod';
import { ConfigError } from '../../config/config.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { decodeUtf8, EncodingError } from '../../core/text.ts';
import { limits } from './limits.ts';

/** Documents by id. */
export type TrustedDocuments = ReadonlyMap<string, string>;

const text = z.string().min(1);

/** The format of `@apollo/generate-persisted-query-manifest`. */
const apolloManifest = z
  .object({
    format: z.literal('apollo-persisted-query-manifest'),
    version: z.literal(1),
    operations: z.array(z.object({ id: text, body: text })),
  })
  .transform(({ operations }) => operations.map(({ id, body }) => [id, body] as const));

/** The format of other code generators: `{"<sha256 of the document>": "document"}`. */
const flatManifest = z.record(text, text).transform((documents) => Object.entries(documents));

/** @throws ConfigError when the manifest cannot be read or has an invalid document */
export function readTrustedDocuments(file: string): TrustedDocuments {
  const documents = new Map<string, string>();
  for (const [id, document] of entriesOf(file)) {
    if (documents.has(plainId(id))) throw fault(file, `names ${JSON.stringify(id)} twice`);
    assertDocument(file, id, document);
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

function assertDocument(file: string, id: string, document: string): void {
  try {
    parse(document, { maxTokens: limits.tokens });
  } catch (error) {
    throw fault(file, `has no valid document at ${JSON.stringify(id)}: ${String(error)}`);
  }
}

function fault(file: string, what: string): ConfigError {
  return new ConfigError([`TRUSTED_DOCUMENTS: ${file} ${what}`]);
}

/** The prefix names the hash. `documentId` has it, manifests and older clients do not. */
function plainId(id: string): string {
  return id.replace(/^sha256:/i, '');
}

/** Replaces an id with its document, and rejects documents that are not in the manifest. */
export function onlyTrusted(documents: TrustedDocuments): ApolloServerPlugin<RequestContext> {
  const texts = new Set(documents.values());
  return {
    async requestDidStart({ request }) {
      const id = idOf(request);
      if (id === undefined && !request.query) return; // Apollo rejects it
      const listed = id === undefined ? request.query : documents.get(plainId(id));
      const isContradictory = request.query !== undefined && request.query !== listed;
      const { persistedQuery: _, ...extensions } = request.extensions ?? {};
      request.extensions = extensions;
      if (listed !== undefined && texts.has(listed) && !isContradictory) {
        request.query = listed;
        return;
      }
      return rejectOperation(request);
    },
  };
}

/** Apollo sends an error of `didResolveOperation` only, which needs a valid document. */
function rejectOperation(request: GraphQLRequest) {
  request.query = '{ __typename }';
  return {
    async didResolveOperation(): Promise<never> {
      const message = 'This operation is not in the list of trusted documents.';
      throw new GraphQLError(message, {
        extensions: { code: 'PERSISTED_QUERY_NOT_IN_LIST', http: { status: 400 } },
      });
    },
  };
}

/** From `documentId`, or from the extension for Apollo's persisted queries. */
function idOf({ http, extensions }: GraphQLRequest): string | undefined {
  const search = new URLSearchParams(http?.search);
  const ids = [
    Object(http?.body).documentId,
    search.get('documentId'),
    Object(extensions?.persistedQuery).sha256Hash,
  ];
  return ids.find((id) => typeof id === 'string');
}
