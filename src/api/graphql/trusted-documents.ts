/**
 * Trusted documents: reads the manifest of TRUSTED_DOCUMENTS, finds the document of an id, and rejects any other
 * document over HTTP. The documents of REST routes and pages are not affected.
 */
import { readFileSync } from 'node:fs';
import { parse as parseSearch } from 'node:querystring';
import type { ApolloServerPlugin, GraphQLRequest } from '@apollo/server';
import { GraphQLError, parse } from 'graphql';
import { z } from 'zod';
import { ConfigError } from '../../config/config.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { decodeUtf8, EncodingError } from '../../core/text.ts';
import { limits } from './limits.ts';

/** The accepted documents by id. */
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

/** The format of Relay Compiler and GraphQL Code Generator. The id is usually a hash of the document. */
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
    'must be {"<id>": "document", …} or an apollo-persisted-query-manifest of version 1',
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

type Values = Readonly<Record<string, unknown>>;

/** The parts of a request that may have a document. */
interface DocumentSource {
  readonly query: unknown;
  readonly extensions: Values | null | undefined;
  /** The parameters of body and URL. */
  readonly parameters: readonly Values[];
}

/** The parameter of GraphQL over HTTP, and those of Relay. */
const idParameters = ['documentId', 'id', 'doc_id'] as const;

/** The id from a parameter, or from the extension for Apollo's persisted queries. */
function documentIdOf({ extensions, parameters }: DocumentSource): string | undefined {
  for (const values of parameters) {
    const name = idParameters.find((each) => typeof values[each] === 'string');
    if (name !== undefined) return String(values[name]);
  }
  const hash: unknown = Object(extensions?.persistedQuery).sha256Hash;
  return typeof hash === 'string' ? hash : undefined;
}

/**
 * The text of the document. It is undefined for a request without a document, for an id that is not trusted or is that
 * of another text, and for Apollo's extension without trusted documents.
 */
export function documentOf(
  source: DocumentSource,
  trusted: TrustedDocuments | undefined,
): string | undefined {
  const { query, extensions } = source;
  const text = typeof query === 'string' && query !== '' ? query : undefined;
  if (!trusted) return extensions?.persistedQuery === undefined ? text : undefined;
  const id = documentIdOf(source);
  if (id === undefined) return text;
  const listed = trusted.get(plainId(id));
  return text === undefined || text === listed ? listed : undefined;
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
      const source = sourceOf(request);
      const { persistedQuery: _, ...extensions } = request.extensions ?? {};
      request.extensions = extensions;
      if (!request.query && documentIdOf(source) === undefined) return; // Apollo rejects it
      const document = documentOf(source, documents);
      if (document === undefined || !texts.has(document)) return reject(request, notInList);
      request.query = document;
      return;
    },
  };
}

/** Rejects an id in place of a document, for a service without a manifest. */
export function rejectIds(): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart({ request }) {
      const hasNoText = !request.query && !request.extensions?.persistedQuery; // Apollo rejects its own extension
      if (hasNoText && documentIdOf(sourceOf(request)) !== undefined) {
        return reject(request, notSupported);
      }
      return;
    },
  };
}

function sourceOf({ query, extensions, http }: GraphQLRequest): DocumentSource {
  const search = parseSearch((http?.search ?? '').replace('?', ''));
  return { query, extensions, parameters: [Object(http?.body), search] };
}

const notInList = {
  code: 'PERSISTED_QUERY_NOT_IN_LIST',
  message: 'This operation is not in the list of trusted documents.',
};

const notSupported = {
  code: 'PERSISTED_QUERY_NOT_SUPPORTED',
  message:
    'The service has no documents by id, because TRUSTED_DOCUMENTS is not set. Send the document as `query`.',
};

/** Apollo sends an error of `didResolveOperation` only, which needs a valid document. */
function reject(
  request: GraphQLRequest,
  { code, message }: { readonly code: string; readonly message: string },
) {
  request.query = '{ __typename }';
  return {
    async didResolveOperation(): Promise<never> {
      throw new GraphQLError(message, { extensions: { code, http: { status: 400 } } });
    },
  };
}
