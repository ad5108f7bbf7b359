/** Runs a row of the REST table: request to variables, document, result to answer. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type FieldProblem, isProblemCode, Problem, type ProblemCode } from '../../core/errors.ts';
import type { CompileDocument, CompiledDocument } from '../graphql/compiled-operations.ts';
import type { ShedLogin } from '../graphql/load-shedding.ts';
import { contextOf } from '../http/context.ts';
import {
  acceptsJson,
  HttpError,
  type ResponseBody,
  sendInternal,
  sendProblem,
} from '../http/responses.ts';
import { variablesOf } from './params.ts';
import type { RestRoute } from './route.ts';
import { restRoutes } from './routes.ts';

/** Shows a person the page with a button, where a program would use something up at once. */
export type TokenPage = (request: FastifyRequest, reply: FastifyReply) => unknown;

export function serveRest(
  app: FastifyInstance,
  parts: {
    readonly prefix: string;
    readonly compileDocument: CompileDocument;
    readonly verifyPage: TokenPage;
    readonly shedLogin: ShedLogin;
  },
): void {
  for (const row of restRoutes) {
    const run = parts.compileDocument(row.document);
    app.route({
      method: row.isConsuming ? [row.method, 'HEAD'] : row.method,
      url: `${parts.prefix}${row.path}`,
      config: { speaks: 'rest' },
      ...(row.needsToken ? { onRequest: requireCaller } : {}),
      preHandler: (request, _reply, done) => {
        if (row.isLogin) parts.shedLogin(request);
        done();
      },
      handler: (request, reply) =>
        row.isConsuming && readOnly(request)
          ? parts.verifyPage(request, reply)
          : runRow(row, run, request, reply),
    });
  }
}

/** Refuses a request without a valid access token before its body is read. */
async function requireCaller(request: FastifyRequest): Promise<void> {
  requireJsonWanted(request);
  if (!contextOf(request).actor) throw new Problem('UNAUTHENTICATED');
}

function requireJsonWanted({ headers }: FastifyRequest): void {
  if (!acceptsJson(headers.accept)) throw new HttpError(406);
}

/** A browser, a prefetch or a HEAD: nothing may be used up (RFC 9110 §9.2.1). */
function readOnly(request: FastifyRequest): boolean {
  const { accept = '', purpose, 'sec-purpose': secPurpose } = request.headers;
  return (
    request.method === 'HEAD' ||
    accept.includes('text/html') ||
    [purpose, secPurpose].some((value) => String(value).includes('prefetch'))
  );
}

async function runRow(
  row: RestRoute,
  run: CompiledDocument,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  requireJsonWanted(request);
  const context = contextOf(request);
  const { data, errors } = await run(variablesOf(row, request), context);
  return errors?.[0]
    ? sendTopLevelError(row, errors[0].extensions, reply)
    : sendResult(row, data?.result ?? null, reply);
}

/** Answers a result of the row's document, which may be a refusal as data. */
function sendResult(row: RestRoute, result: unknown, reply: FastifyReply): FastifyReply {
  if (isProblemData(result)) {
    const problem = new Problem(result.code, { fields: restFields(row, result.fields) });
    return sendProblem(reply, problem, { status: row.statuses?.[result.code] });
  }
  if (result === null) return sendProblem(reply, new Problem('NOT_FOUND'));
  if (result === false && row.refusal) {
    const { code, message } = row.refusal;
    return sendProblem(reply, new Problem(code), { message });
  }
  return sendSuccess(row, result, reply);
}

/** Answers a top-level error; what is INTERNAL has been written to the log where it happened. */
function sendTopLevelError(
  row: RestRoute,
  extensions: Record<string, unknown> | undefined,
  reply: FastifyReply,
): FastifyReply {
  const { code, retryAfter, fields } = extensions ?? {};
  if (code === 'BAD_USER_INPUT') {
    const problem = new Problem('VALIDATION_FAILED', { fields: restFields(row, fieldsOf(fields)) });
    return sendProblem(reply, problem);
  }
  if (!isProblemCode(code) || code === 'INTERNAL') return sendInternal(reply);
  const problem = new Problem(code, {
    ...(typeof retryAfter === 'number' ? { retryAfterSeconds: retryAfter } : {}),
    fields: restFields(row, fieldsOf(fields)),
  });
  return sendProblem(reply, problem);
}

/** Variables are named with their owner, `filter.status`; problems are not. */
function fieldsOf(fields: unknown): FieldProblem[] {
  const list: readonly FieldProblem[] = Array.isArray(fields) ? fields : [];
  return list.map(({ path, message }) => ({ path: path.split('.').at(-1) ?? path, message }));
}

function sendSuccess(row: RestRoute, result: unknown, reply: FastifyReply): FastifyReply {
  const { status, message, data } = row.success;
  reply.code(status);
  if (status === 204) return reply.send();
  if (!row.isList) return reply.send({ message, data: pick(result, data) } satisfies ResponseBody);
  const { nodes, pageInfo } = result as ListResult; // the documents of lists select these
  const { hasNextPage, endCursor } = pageInfo;
  if (hasNextPage && endCursor !== null) reply.header('link', nextLink(reply, endCursor));
  return reply.send({
    message,
    data: nodes.map((node) => pick(node, data)),
  } satisfies ResponseBody);
}

interface ListResult {
  readonly nodes: readonly object[];
  /** An empty page has no end, even where something comes after it. */
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

/** The same list from behind the page (RFC 8288); relative, so that proxies do not matter. */
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

/** Fields by their REST names: `firstName` back to `first_name`. */
function restFields(row: RestRoute, fields: readonly FieldProblem[]): FieldProblem[] {
  const names = new Map(
    Object.entries(row.inputs).map(([name, { to }]) => [to.slice(to.indexOf('.') + 1), name]),
  );
  return fields.map(({ path, message }) => ({ path: names.get(path) ?? path, message }));
}

type Names = Readonly<Record<string, string>>;
/** What `data` has by a name, read out of `result`. */
type Readers = readonly (readonly [name: string, read: (result: unknown) => unknown])[];

const readers = new WeakMap<Names, Readers>();

function pick(result: unknown, data: Names): object {
  const made = readers.get(data) ?? readersOf(data);
  readers.set(data, made);
  const picked: Record<string, unknown> = {};
  for (const [name, read] of made) picked[name] = read(result);
  return picked;
}

function readersOf(data: Names): Readers {
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

function valuesAt(list: unknown, name: string): unknown {
  return Array.isArray(list) ? list.map((each) => valueAt(each, name)) : list;
}
