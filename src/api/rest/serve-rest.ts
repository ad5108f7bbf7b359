/** Serves the REST routes: parses the request, executes the GraphQL document, sends the response. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type FieldProblem, isProblemCode, Problem, type ProblemCode } from '../../core/errors.ts';
import type { ExecuteOperation, PrepareDocument } from '../graphql/operations.ts';
import { acceptsHtml, acceptsJson } from '../http/content-negotiation.ts';
import { contextOf } from '../http/context.ts';
import { HttpError, type ResponseBody, sendInternalError, sendProblem } from '../http/responses.ts';
import { parseVariables } from './params.ts';
import type { RestRoute } from './route.ts';
import { restRoutes } from './routes.ts';

/** Sends the page with a button to a browser, where another client would consume a code. */
export type TokenPage = (request: FastifyRequest, reply: FastifyReply) => unknown;

export function serveRest(
  app: FastifyInstance,
  deps: {
    readonly prefix: string;
    readonly prepareDocument: PrepareDocument;
    readonly verifyPage: TokenPage;
  },
): void {
  for (const route of restRoutes) {
    const execute = operationOf(route, deps.prepareDocument);
    app.route({
      method: route.consumesToken ? [route.method, 'HEAD'] : route.method,
      url: `${deps.prefix}${route.path}`,
      config: { format: 'rest', sessionTransport: 'header' },
      ...(route.needsToken ? { onRequest: requireToken(route) } : {}),
      handler: (request, reply) =>
        route.consumesToken && mustNotConsume(request)
          ? deps.verifyPage(request, reply)
          : executeRoute(route, execute, request, reply),
    });
  }
}

/** The operation of the route, or its variant if the query has the flag. */
function operationOf(
  { document, variant }: RestRoute,
  prepareDocument: PrepareDocument,
): ExecuteOperation {
  const execute = prepareDocument(document);
  if (!variant) return execute;
  const executeVariant = prepareDocument(variant.document);
  return ({ [variant.flag]: flag, ...variables }, context) =>
    flag === true ? executeVariant(variables, context) : execute(variables, context);
}

/** Rejects a request without a valid access token before its body is read. */
function requireToken({ acceptsSessionCookie }: RestRoute) {
  return async (request: FastifyRequest): Promise<void> => {
    requireJsonAccepted(request);
    const { actor, sessionCookie, hasIgnoredCookie } = contextOf(request);
    if (actor || (acceptsSessionCookie && (sessionCookie || hasIgnoredCookie))) return;
    throw new Problem('UNAUTHENTICATED');
  };
}

function requireJsonAccepted({ headers }: FastifyRequest): void {
  if (!acceptsJson(headers.accept)) throw new HttpError(406);
}

/** Browsers, prefetches and HEAD requests must not consume a code (RFC 9110 §9.2.1). */
function mustNotConsume(request: FastifyRequest): boolean {
  const { accept, purpose, 'sec-purpose': secPurpose } = request.headers;
  return (
    request.method === 'HEAD' ||
    acceptsHtml(accept) ||
    [purpose, secPurpose].some((value) => String(value).includes('prefetch'))
  );
}

async function executeRoute(
  route: RestRoute,
  execute: ExecuteOperation,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  requireJsonAccepted(request);
  const context = contextOf(request);
  const { data, errors } = (await execute(parseVariables(route, request), context)).result;
  return errors?.[0]
    ? sendTopLevelError(route, errors[0].extensions, reply)
    : sendResult(route, data?.result ?? null, reply);
}

/** Sends a result of the document, which may be a problem. */
function sendResult(route: RestRoute, result: unknown, reply: FastifyReply): FastifyReply {
  if (isProblemData(result)) {
    const problem = new Problem(result.code, { fields: restFields(route, result.fields) });
    return sendProblem(reply, problem, { status: route.statuses?.[result.code] });
  }
  if (result === null) return sendProblem(reply, new Problem('NOT_FOUND'));
  if (result === false && route.problemIfFalse) {
    const { code, message } = route.problemIfFalse;
    return sendProblem(reply, new Problem(code), { message });
  }
  return sendSuccess(route, result, reply);
}

/** Sends a top-level error. Unexpected errors have been logged already. */
function sendTopLevelError(
  route: RestRoute,
  extensions: Record<string, unknown> | undefined,
  reply: FastifyReply,
): FastifyReply {
  const { code, retryAfter, fields } = extensions ?? {};
  if (code === 'BAD_USER_INPUT') {
    const problem = new Problem('VALIDATION_FAILED', {
      fields: restFields(route, fieldsOf(fields)),
    });
    return sendProblem(reply, problem);
  }
  if (!isProblemCode(code) || code === 'INTERNAL') return sendInternalError(reply);
  const problem = new Problem(code, {
    ...(typeof retryAfter === 'number' ? { retryAfterSeconds: retryAfter } : {}),
    fields: restFields(route, fieldsOf(fields)),
  });
  return sendProblem(reply, problem);
}

/** GraphQL errors name a variable with its input object, `filter.status`. REST names the field only. */
function fieldsOf(fields: unknown): FieldProblem[] {
  const list: readonly FieldProblem[] = Array.isArray(fields) ? fields : [];
  return list.map(({ path, message }) => ({ path: path.split('.').at(-1) ?? path, message }));
}

function sendSuccess(route: RestRoute, result: unknown, reply: FastifyReply): FastifyReply {
  const { status, message, data } = route.success;
  reply.code(status);
  if (status === 204) return reply.send();
  if (!route.isList)
    return reply.send({ message, data: pick(result, data) } satisfies ResponseBody);
  if (route.itemsField !== undefined) {
    const items = valueAt(result, route.itemsField) as readonly object[]; // a list of objects in the schema
    return reply.send({
      message,
      data: items.map((item) => pick(item, data)),
    } satisfies ResponseBody);
  }
  const { nodes, pageInfo } = result as ListResult; // list documents select these fields
  const { hasNextPage, endCursor } = pageInfo;
  if (hasNextPage && endCursor !== null) reply.header('link', nextLink(reply, endCursor));
  return reply.send({
    message,
    data: nodes.map((node) => pick(node, data)),
  } satisfies ResponseBody);
}

interface ListResult {
  readonly nodes: readonly object[];
  /** An empty page has no end cursor, even when another page follows. */
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** The Link to the next page (RFC 8288). It is relative, so that it works behind proxies. */
function nextLink(reply: FastifyReply, cursor: string): string {
  const url = new URL(reply.request.url, 'http://relative.invalid');
  url.searchParams.set('cursor', cursor);
  return `<${url.pathname}${url.search}>; rel="next"`;
}

interface ProblemData {
  readonly code: ProblemCode;
  readonly fields: readonly FieldProblem[];
}

function isProblemData(result: unknown): result is ProblemData {
  return (
    typeof result === 'object' && result !== null && 'code' in result && isProblemCode(result.code)
  );
}

/** Field problems with their REST names, such as `first_name` for `firstName`. */
function restFields(route: RestRoute, fields: readonly FieldProblem[]): FieldProblem[] {
  const names = new Map(
    Object.entries(route.params).map(([name, { to }]) => [to.slice(to.indexOf('.') + 1), name]),
  );
  return fields.map(({ path, message }) => ({ path: names.get(path) ?? path, message }));
}

type Names = Readonly<Record<string, string>>;
/** The names in `data`, each with the function that reads its value from a result. */
type Readers = readonly (readonly [name: string, read: (result: unknown) => unknown])[];

const readers = new WeakMap<Names, Readers>();

function pick(result: unknown, data: Names): object {
  const fields = readers.get(data) ?? createReaders(data);
  readers.set(data, fields);
  const picked: Record<string, unknown> = {};
  for (const [name, read] of fields) picked[name] = read(result);
  return picked;
}

function createReaders(data: Names): Readers {
  return Object.entries(data).map(([name, from]) => {
    if (from === '.') return [name, (result) => result];
    const [first = '', second] = from.split('.');
    if (second === undefined) return [name, (result) => valueAt(result, first)];
    return [name, (result) => valuesAt(valueAt(result, first), second)];
  });
}

function valueAt(source: unknown, name: string): unknown {
  return (Object(source) as Record<string, unknown>)[name]; // any object has keys
}

/** The value of a field of an object, or the values of the items of a list. */
function valuesAt(source: unknown, name: string): unknown {
  return Array.isArray(source) ? source.map((each) => valueAt(each, name)) : valueAt(source, name);
}
