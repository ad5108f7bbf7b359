/** Runs a row of the REST table: request to variables, document, result to answer. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type FieldProblem, isProblemCode, Problem, type ProblemCode } from '../../core/errors.ts';
import { contextOf } from '../context.ts';
import { type Envelope, sendInternal, sendRefusal } from '../envelope.ts';
import type { Graphql } from '../graphql.ts';
import { type RestRow, restRows } from './routes.ts';

/** Shows a person the page with a button, where a program would use something up at once. */
export type ConsumingPage = (request: FastifyRequest, reply: FastifyReply) => unknown;

export function serveRest(
  app: FastifyInstance,
  parts: {
    readonly prefix: string;
    readonly graphql: Graphql;
    readonly verifyPage: ConsumingPage;
  },
): void {
  for (const row of restRows) {
    app.route({
      method: row.isConsuming ? [row.method, 'HEAD'] : row.method,
      url: `${parts.prefix}${row.path}`,
      config: { speaks: 'rest' },
      handler: (request, reply) =>
        row.isConsuming && isLookingOnly(request)
          ? parts.verifyPage(request, reply)
          : runRow(row, parts.graphql, request, reply),
    });
  }
}

/** A browser, a prefetch or a HEAD: nothing may be used up (RFC 9110 §9.2.1). */
function isLookingOnly(request: FastifyRequest): boolean {
  const { accept = '', purpose, 'sec-purpose': secPurpose } = request.headers;
  return (
    request.method === 'HEAD' ||
    accept.includes('text/html') ||
    [purpose, secPurpose].some((value) => String(value).includes('prefetch'))
  );
}

async function runRow(
  row: RestRow,
  graphql: Graphql,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const context = contextOf(request);
  if (row.needsToken && !context.actor) throw new Problem('UNAUTHENTICATED');
  const response = await graphql.executeOperation(
    { query: row.document, variables: variablesOf(row, request) },
    { contextValue: context },
  );
  if (response.body.kind !== 'single') throw new Error('REST rows answer at once');
  const { data, errors } = response.body.singleResult;
  if (errors?.[0]) return sendProblem(topLevelProblem(row, errors[0].extensions), reply);
  return answer(row, data?.result, reply);
}

/** @throws VALIDATION_FAILED naming every input that is missing or no text */
function variablesOf(row: RestRow, request: FastifyRequest): Record<string, unknown> {
  const variables: Record<string, unknown> = {};
  const fields: FieldProblem[] = [];
  for (const [name, input] of Object.entries(row.inputs)) {
    const value = valuesOf(request, input.from)[name];
    if (value === undefined || value === null) {
      if (input.isRequired) fields.push({ path: name, message: 'Must be given.' });
    } else if (typeof value !== 'string') {
      fields.push({ path: name, message: 'Must be one text.' });
    } else {
      place(variables, input.to, value);
    }
  }
  if (fields.length > 0) throw new Problem('VALIDATION_FAILED', { fields });
  return variables;
}

function valuesOf(
  request: FastifyRequest,
  from: 'body' | 'query' | 'path',
): Record<string, unknown> {
  const source = { body: request.body, query: request.query, path: request.params }[from];
  return typeof source === 'object' && source !== null
    ? (source as Record<string, unknown>) // any object has keys and values
    : {};
}

/** Puts a value at a path such as `input.firstName`. */
function place(variables: Record<string, unknown>, to: string, value: string): void {
  const [first = '', second] = to.split('.');
  if (second === undefined) variables[first] = value;
  else variables[first] = { ...(variables[first] as object | undefined), [second]: value };
}

/** What is INTERNAL has been written to the log where it happened. */
function sendProblem(problem: Problem, reply: FastifyReply): FastifyReply {
  return problem.code === 'INTERNAL' ? sendInternal(reply) : sendRefusal(reply, problem);
}

function answer(row: RestRow, result: unknown, reply: FastifyReply): FastifyReply {
  if (isProblemData(result)) {
    const problem = new Problem(result.code, { fields: restFields(row, result.fields) });
    return sendRefusal(reply, problem, { status: row.statuses?.[result.code] });
  }
  if (result === false && row.refusal) {
    const { code, message } = row.refusal;
    return sendRefusal(reply, new Problem(code), { message });
  }
  const { status, message, data } = row.success;
  reply.code(status).header('cache-control', 'no-store');
  if (status === 204) return reply.send();
  const envelope: Envelope = { message, data: pick(result, data) };
  return reply.send(envelope);
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
function restFields(row: RestRow, fields: readonly FieldProblem[]): FieldProblem[] {
  const names = new Map(
    Object.entries(row.inputs).map(([name, { to }]) => [to.slice(to.indexOf('.') + 1), name]),
  );
  return fields.map(({ path, message }) => ({ path: names.get(path) ?? path, message }));
}

function pick(result: unknown, data: Readonly<Record<string, string>>): object {
  const source = Object(result) as Record<string, unknown>; // a row's document answers an object, or one value
  return Object.fromEntries(
    Object.entries(data).map(([name, from]) => [name, from === '.' ? result : source[from]]),
  );
}

function topLevelProblem(row: RestRow, extensions: Record<string, unknown> | undefined): Problem {
  const { code, retryAfter, fields } = extensions ?? {};
  if (!isProblemCode(code)) return new Problem('INTERNAL');
  return new Problem(code, {
    ...(typeof retryAfter === 'number' ? { retryAfterSeconds: retryAfter } : {}),
    ...(Array.isArray(fields) ? { fields: restFields(row, fields) } : {}),
  });
}
