/** The OpenAPI 3.1 document of the REST routes. Its types come from the GraphQL documents of the routes. */
import type { GraphQLSchema } from 'graphql';
import { sessionCookieName } from '../../http/session-cookie.ts';
import type { RestRoute } from '../route.ts';
import { restRoutes } from '../routes.ts';
import { operationOf } from './operation.ts';
import { sharedHeaders, sharedResponses } from './responses.ts';
import { createNamedSchemas, type JsonSchema } from './schemas.ts';
import { type Tag, tagOf } from './tags.ts';

export interface DocumentSettings {
  readonly schema: GraphQLSchema;
  /** Prefix of the paths, such as `/auth`. */
  readonly prefix: string;
  readonly publicUrl: string;
  readonly version: string;
  /** Code points. */
  readonly passwordMinLength: number;
}

export const apiTitle = 'Gatehouse REST API';

/** @throws Error for a route whose GraphQL document does not match the schema */
export function openApiDocument(settings: DocumentSettings) {
  const { schema, prefix, publicUrl, version, passwordMinLength } = settings;
  const named = createNamedSchemas();
  const idOf = createIds();
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of restRoutes) {
    const url = `${prefix}${route.path}`.replace(/:(\w+)/g, '{$1}');
    const operation = operationOf(route, { schema, named, passwordMinLength, idOf });
    paths[url] = { ...paths[url], [route.method.toLowerCase()]: operation };
  }
  const responses = sharedResponses(named);
  return {
    openapi: '3.1.0' as const,
    info: {
      title: apiTitle,
      version,
      description,
      contact: { name: 'Operator of the service', url: publicUrl },
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: serverUrl(publicUrl), description: 'This service' }],
    tags: allTags(),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: 'An access token, or an API key `gk_…`.',
        },
        sessionCookie: {
          type: 'apiKey',
          in: 'cookie',
          name: sessionCookieName,
          description:
            'The refresh token of a browser, with the header `X-Session-Transport: cookie`.',
        },
      },
      headers: sharedHeaders,
      responses,
      schemas: named.all(),
    },
  };
}

const description = [
  'Accounts, sessions and permissions.',
  'Every response is `{"message", "data"}`. The `data` of an error is `{"code", "fields"}`. Errors of HTTP itself, such as 404, 405 and 408, have the same format.',
  'A request body is JSON, `application/x-www-form-urlencoded` or `multipart/form-data`; this document describes JSON. The final slash of a path is optional.',
].join('\n\n');

/** A URL with the name \`localhost\` is correct on one machine only. A relative URL is correct for every reader. */
function serverUrl(publicUrl: string): string {
  return new URL(publicUrl).hostname === 'localhost' ? '/' : publicUrl;
}

function allTags(): readonly Tag[] {
  const tags = new Map(restRoutes.map((route) => [tagOf(route).name, tagOf(route)]));
  return [...tags.values()];
}

/**
 * The id of an operation is its GraphQL field. PUT and PATCH run the same field: the id of PATCH begins with
 * `patch`. An id that is taken gets the method and the path.
 */
function createIds(): (route: RestRoute, field: string) => string {
  const taken = new Set<string>();
  return (route, field) => {
    const id = route.method === 'PATCH' ? field.replace(/^update/, 'patch') : field;
    const unique = taken.has(id) ? idOfPath(route) : id;
    taken.add(unique);
    return unique;
  };
}

function idOfPath({ method, path }: RestRoute): string {
  const words = path.split(/\W|_/).filter((word) => word !== '');
  const parts = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return method.toLowerCase() + parts.join('');
}
