/** The OpenAPI 3.1 description, made from the very rows that are served. */
import { sentenceOf, statusOf } from '../../core/errors.ts';
import { restRows } from './routes.ts';
import type { RestInput, RestRow } from './row.ts';

export function openApiDocument(settings: { prefix: string; publicUrl: string; version: string }) {
  const paths: Record<string, Record<string, object>> = {};
  for (const row of restRows) {
    const url = `${settings.prefix}${row.path}`.replace(/:(\w+)/g, '{$1}');
    paths[url] = { ...paths[url], [row.method.toLowerCase()]: operation(row) };
  }
  return {
    openapi: '3.1.0' as const,
    info: {
      title: 'Gatehouse',
      version: settings.version,
      description:
        'Accounts and sessions. Every answer is `{"message", "data"}`; the `data` of an error is `{"code", "fields"}`. The final slash of a path is optional.',
    },
    servers: [{ url: settings.publicUrl }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http' as const, scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: { Problem: problemSchema },
    },
  };
}

const problemSchema = {
  type: 'object',
  required: ['message', 'data'],
  properties: {
    message: { type: 'string' },
    data: {
      type: 'object',
      required: ['code', 'fields'],
      properties: {
        code: { type: 'string' },
        fields: {
          type: 'array',
          items: {
            type: 'object',
            properties: { path: { type: 'string' }, message: { type: 'string' } },
          },
        },
      },
    },
  },
} as const;

function operation(row: RestRow): object {
  const inputs = Object.entries(row.inputs);
  const bodyInputs = inputs.filter(([, { from }]) => from === 'body');
  return {
    summary: row.summary,
    ...(row.needsToken ? { security: [{ bearer: [] }] } : {}),
    parameters: inputs.filter(([, { from }]) => from !== 'body').map(parameter),
    ...(bodyInputs.length > 0 ? { requestBody: requestBody(bodyInputs) } : {}),
    responses: { [row.success.status]: success(row), ...refusals(row) },
  };
}

const schemas = {
  text: { type: 'string' },
  flag: { type: 'boolean' },
  number: { type: 'integer', minimum: 0 },
  ids: { type: 'array', items: { type: 'string', format: 'uuid' } },
} as const satisfies Record<RestInput['kind'], object>;

function parameter([name, { from, isRequired, description, kind }]: [string, RestInput]): object {
  return { name, in: from, required: isRequired, description, schema: schemas[kind] };
}

function requestBody(inputs: readonly [string, RestInput][]): object {
  const schema = {
    type: 'object',
    required: inputs.filter(([, { isRequired }]) => isRequired).map(([name]) => name),
    properties: Object.fromEntries(
      inputs.map(([name, { description, kind }]) => [name, { ...schemas[kind], description }]),
    ),
  };
  return {
    required: inputs.some(([, { isRequired }]) => isRequired),
    content: { 'application/json': { schema }, 'application/x-www-form-urlencoded': { schema } },
  };
}

function success({ success: { status, message, data }, isList }: RestRow): object {
  if (status === 204) return { description: message };
  const properties = Object.fromEntries(Object.keys(data).map((name) => [name, {}]));
  const item = { type: 'object', properties };
  const schema = {
    type: 'object',
    properties: {
      message: { type: 'string', examples: [message] },
      data: isList ? { type: 'array', items: item } : item,
    },
  };
  return { description: message, content: { 'application/json': { schema } } };
}

function refusals(row: RestRow): object {
  const codes = row.needsToken
    ? (['VALIDATION_FAILED', 'UNAUTHENTICATED'] as const)
    : (['VALIDATION_FAILED', 'INVALID_CREDENTIALS'] as const);
  return Object.fromEntries(
    codes.map((code) => [
      statusOf(code),
      {
        description: sentenceOf(code),
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}
