/** The error responses and the headers that the operations of the OpenAPI document share. */
import { STATUS_CODES } from 'node:http';
import { isNonNullType } from 'graphql';
import {
  isProblemCode,
  type ProblemCode,
  problemCodes,
  sentenceOf,
  statusOf,
} from '../../../core/errors.ts';
import { httpErrorBody, type ResponseBody } from '../../http/responses.ts';
import type { RestRoute } from '../route.ts';
import type { RouteTypes } from './route-types.ts';
import type { JsonSchema, NamedSchemas } from './schemas.ts';

/** Every status of an error that a client must expect. */
const errorStatuses = [400, 401, 403, 404, 406, 413, 415, 429, 500, 503] as const;
type ErrorStatus = (typeof errorStatuses)[number];

/** Errors of every operation: a bad request, an unacceptable type, rate limits, faults and overload. */
const commonStatuses: readonly ErrorStatus[] = [400, 406, 429, 500, 503];

/** References to the error responses of an operation, by status. */
export function errorResponses(route: RestRoute, types: RouteTypes): Record<string, JsonSchema> {
  const statuses = new Set<number>(commonStatuses);
  for (const code of codesOf(route, types)) statuses.add(route.statuses?.[code] ?? statusOf(code));
  if (route.usesSessionCookie) statuses.add(statusOf('FORBIDDEN')); // of another origin
  if (hasBody(route)) for (const status of [413, 415]) statuses.add(status);
  return Object.fromEntries(
    errorStatuses
      .filter((status) => statuses.has(status))
      .map((status) => [status, { $ref: `#/components/responses/${nameOf(status)}` }]),
  );
}

/** The error codes of the operation, from its description and the route. */
function codesOf(route: RestRoute, { field }: RouteTypes): readonly ProblemCode[] {
  const description = field.description ?? '';
  const named: readonly string[] =
    /Problems:(.*)$/s.exec(description)?.[1]?.match(/\b[A-Z_]{6,}\b/g) ?? [];
  const codes = named.filter(isProblemCode).filter((code) => canComeFrom(code, route));
  if (route.needsToken) codes.push('UNAUTHENTICATED');
  const isOfAnyActor = operationsOfAnyActor.has(field.name);
  if (/Needs\s+(?:`|an\s+access\s+token)/.test(description) && !isOfAnyActor)
    codes.push('FORBIDDEN');
  if (route.problemIfFalse) codes.push(route.problemIfFalse.code);
  if (!isNonNullType(field.type)) codes.push('NOT_FOUND');
  return codes;
}

/** Service accounts and API keys may use these. Other operations of the own account are FORBIDDEN for some of them. */
const operationsOfAnyActor: ReadonlySet<string> = new Set(['hasGroup', 'hasPermission']);

/** A route without a password never answers that it is wrong. */
function canComeFrom(code: ProblemCode, { params }: RestRoute): boolean {
  return (
    code !== 'INVALID_CREDENTIALS' || Object.values(params).some(({ to }) => /password$/.test(to))
  );
}

export function hasBody({ params }: RestRoute): boolean {
  return Object.values(params).some(({ from }) => from === 'body');
}

/** The name of a response, such as `NotFound`. */
function nameOf(status: number): string {
  return (STATUS_CODES[status] ?? '').replaceAll(' ', '');
}

/** The error responses by name. */
export function sharedResponses(named: NamedSchemas): Record<string, JsonSchema> {
  const problem = problemSchema(named);
  const internalError = internalErrorSchema(named);
  return Object.fromEntries(
    errorStatuses.map((status) => [
      nameOf(status),
      {
        description: descriptionOf(status),
        headers: { ...headerReferences('X-Request-Id'), ...headersOf(status) },
        content: {
          'application/json': {
            schema: status === 500 ? internalError : problem,
            ...examplesOf(status),
          },
        },
      },
    ]),
  );
}

function headersOf(status: ErrorStatus): Record<string, JsonSchema> {
  if (status === 401) return headerReferences('WWW-Authenticate');
  return status === 429 || status === 503 ? headerReferences('Retry-After') : {};
}

function descriptionOf(status: ErrorStatus): string {
  const codes = problemCodes.filter((code) => statusOf(code) === status);
  const sentences = codes.map((code) => `\`${code}\`: ${sentenceOf(code)}`);
  return sentences.length > 0 ? sentences.join(' ') : httpErrorBody(status).message;
}

const exampleRequestId = '019a7c3e-5b1d-7f00-8a2e-3c4d5e6f7a8b';

/** An example for each error code of the status. */
function examplesOf(status: ErrorStatus): JsonSchema {
  const codes = problemCodes.filter((code) => statusOf(code) === status);
  if (codes.length === 0) return { example: httpErrorBody(status) };
  return { examples: Object.fromEntries(codes.map((code) => [code, { value: exampleOf(code) }])) };
}

function exampleOf(code: ProblemCode): ResponseBody {
  const fields = code === 'VALIDATION_FAILED' ? [{ path: 'email', message: 'Is required.' }] : [];
  const requestId = code === 'INTERNAL' ? { request_id: exampleRequestId } : {};
  return { message: sentenceOf(code), data: { code, fields, ...requestId } };
}

/** The body of every error but INTERNAL. */
function problemSchema(named: NamedSchemas): JsonSchema {
  const meanings = problemCodes.map((each) => `- \`${each}\`: ${sentenceOf(each)}`);
  const code = named.add('ProblemCode', {
    type: 'string',
    description: ['Stable codes of errors.', '', ...meanings].join('\n'),
    enum: problemCodes,
  });
  return named.add(
    'Problem',
    envelope('An error.', {
      ...problemData(code, fieldsSchema(named)),
    }),
  );
}

function internalErrorSchema(named: NamedSchemas): JsonSchema {
  const { required, properties, ...rest } = problemData(
    { type: 'string', const: 'INTERNAL', description: 'Stable code of the error.' },
    fieldsSchema(named),
  );
  return named.add(
    'InternalError',
    envelope('An unexpected error.', {
      ...rest,
      required: [...required, 'request_id'],
      properties: {
        ...properties,
        request_id: { type: 'string', description: 'Id of the request in the log.' },
      },
    }),
  );
}

function fieldsSchema(named: NamedSchemas): JsonSchema {
  const field = named.add('FieldProblem', {
    type: 'object',
    description: 'An invalid input.',
    required: ['path', 'message'],
    properties: {
      path: { type: 'string', description: 'Name of the input.', examples: ['first_name'] },
      message: { type: 'string', description: 'What is wrong, and how to correct it.' },
    },
  });
  return { type: 'array', description: 'Invalid inputs, if any.', items: field };
}

function problemData(code: JsonSchema, fields: JsonSchema) {
  return {
    type: 'object',
    description: 'Code and invalid inputs.',
    required: ['code', 'fields'],
    properties: { code, fields },
  };
}

/** The body of a response: a message and data. */
export function envelope(
  description: string,
  data: JsonSchema,
  message: JsonSchema = {},
): JsonSchema {
  return {
    type: 'object',
    description,
    required: ['message', 'data'],
    properties: {
      message: { type: 'string', description: 'A message for users.', ...message },
      data,
    },
  };
}

const text = { type: 'string' };

export const sharedHeaders = {
  'X-Request-Id': {
    description: 'Id of the request, as in the log.',
    required: true,
    schema: { ...text, examples: [exampleRequestId] },
  },
  'WWW-Authenticate': {
    description: 'The challenge for a bearer token (RFC 6750).',
    required: true,
    schema: { ...text, examples: ['Bearer'] },
  },
  'Retry-After': {
    description: 'Seconds until a retry can succeed.',
    required: true,
    schema: { type: 'integer', minimum: 0, examples: [30] },
  },
  Link: {
    description:
      'The URL of the next page, with `rel="next"` (RFC 8288), relative to the URL of the request. The last page has none.',
    required: false,
    schema: { ...text, examples: ['</auth/admin/users/?cursor=WzFd>; rel="next"'] },
  },
} as const satisfies Record<string, JsonSchema>;

export function headerReferences(
  ...names: readonly (keyof typeof sharedHeaders)[]
): Record<string, JsonSchema> {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
