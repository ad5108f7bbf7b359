/** An operation of the OpenAPI document: parameters, body and responses of a REST route. */
import type { GraphQLSchema } from 'graphql';
import { getNamedType, getNullableType, isListType } from 'graphql';
import type { RestParam, RestRoute } from '../route.ts';
import { inputDetails, listDetails, outputDetails } from './details.ts';
import { envelope, errorResponses, hasBody, headerReferences } from './responses.ts';
import { fieldOf, type RouteTypes, routeTypesOf } from './route-types.ts';
import { type JsonSchema, type NamedSchemas, nullableSchema, valueSchema } from './schemas.ts';
import { tagOf } from './tags.ts';

export interface OperationDeps {
  readonly schema: GraphQLSchema;
  readonly named: NamedSchemas;
  /** Code points. */
  readonly passwordMinLength: number;
  /** A unique id for the operation. */
  readonly idOf: (route: RestRoute, field: string) => string;
}

export function operationOf(route: RestRoute, deps: OperationDeps): JsonSchema {
  const types = routeTypesOf(deps.schema, route);
  const inputs = parametersOf(route, ['path', 'query']).map(([name, param]) => ({
    name,
    in: param.from,
    required: param.isRequired,
    ...(name === route.variant?.flag
      ? variantFlag(param)
      : describedInput(route, types, param, deps)),
  }));
  const parameters = [...inputs, ...(route.usesSessionCookie ? [sessionTransport] : [])];
  return {
    operationId: deps.idOf(route, types.subject.name),
    tags: [tagOf(route).name],
    summary: route.summary,
    description: restText(route, types.subject.description),
    security: securityOf(route),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(hasBody(route) ? { requestBody: requestBody(route, types, deps) } : {}),
    responses: {
      [route.success.status]: successResponse(route, types, deps),
      ...errorResponses(route, types),
    },
  };
}

/** The header of cookie mode. */
const sessionTransport = {
  name: 'X-Session-Transport',
  in: 'header',
  required: false,
  description:
    'Keeps the refresh token in the session cookie, for browsers of the allowed origins.',
  schema: { type: 'string', enum: ['cookie'] },
};

/** Alternatives: an access token, or the session cookie in cookie mode. */
function securityOf({ needsToken, acceptsSessionCookie }: RestRoute): readonly JsonSchema[] {
  if (!needsToken) return [];
  return [{ bearer: [] }, ...(acceptsSessionCookie ? [{ sessionCookie: [] }] : [])];
}

function parametersOf({ params }: RestRoute, sources: readonly RestParam['from'][]) {
  return Object.entries(params).filter(([, { from }]) => sources.includes(from));
}

/** Description and schema of the flag that selects the variant of a route. No operation has it as an input. */
function variantFlag({ description = '' }: RestParam): {
  readonly description: string;
  readonly schema: JsonSchema;
} {
  return { description, schema: { type: 'boolean', default: false } };
}

/** Description and schema of a parameter. */
function describedInput(
  route: RestRoute,
  { inputOf }: RouteTypes,
  param: RestParam,
  { named, passwordMinLength }: OperationDeps,
): { readonly description: string; readonly schema: JsonSchema } {
  const input = inputOf(param.to);
  const details = inputDetails(input, passwordMinLength);
  const schema = valueSchema(input.type, { details, named });
  const bounds = isListType(getNullableType(input.type)) ? listDetails : {};
  const fallback = route.defaults?.[param.to];
  return {
    description: param.description ?? restText(route, input.description),
    schema: { ...schema, ...bounds, ...(fallback === undefined ? {} : { default: fallback }) },
  };
}

function requestBody(route: RestRoute, types: RouteTypes, deps: OperationDeps): JsonSchema {
  const params = parametersOf(route, ['body']);
  const properties = params.map(([name, param]) => {
    const { description, schema } = describedInput(route, types, param, deps);
    // Null is as good as an absent value, so that a client can send a value of an answer unchanged.
    const value = param.isRequired ? schema : nullableSchema(types.inputOf(param.to).type, schema);
    return [name, { ...value, description }] as const;
  });
  const required = params.filter(([, { isRequired }]) => isRequired).map(([name]) => name);
  const { name } = types.field;
  const schema = deps.named.add(`${name.charAt(0).toUpperCase()}${name.slice(1)}Input`, {
    type: 'object',
    description: `Input of \`${name}\`.`,
    ...(required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(properties),
  });
  // An update needs a field, but none in particular.
  const isRequired = required.length > 0 || ['PUT', 'PATCH'].includes(route.method);
  return { required: isRequired, content: { 'application/json': { schema } } };
}

function successResponse(route: RestRoute, types: RouteTypes, deps: OperationDeps): JsonSchema {
  const { status, message } = route.success;
  const hasPages = route.isList && route.itemsField === undefined;
  const headers = headerReferences('X-Request-Id', ...(hasPages ? (['Link'] as const) : []));
  if (status === 204) return { description: `${message}.`, headers };
  const item = dataSchema(route, types, deps);
  const data = route.isList
    ? { type: 'array', description: 'The items of the page.', items: item }
    : item;
  const schema = envelope(`${message}.`, data, { examples: [message] });
  return { description: `${message}.`, headers, content: { 'application/json': { schema } } };
}

/** The schema of `data`, or of its items. */
function dataSchema(route: RestRoute, types: RouteTypes, { named }: OperationDeps): JsonSchema {
  const { data, dataName } = route.success;
  const names = Object.keys(data);
  if (names.length === 0) return named.add('NoData', noData);
  const type = getNamedType(types.result);
  const isValue = Object.values(data).every((from) => from === '.');
  const schema = {
    type: 'object',
    description: isValue ? 'The result.' : paragraph(type.description),
    required: names,
    properties: Object.fromEntries(
      Object.entries(data).map(([name, from]) => [name, propertySchema(types, from, named)]),
    ),
  };
  return isValue ? schema : named.add(dataName ?? type.name, schema);
}

const noData = { type: 'object', description: 'An empty object.', additionalProperties: false };

function propertySchema(
  { field, result }: RouteTypes,
  from: string,
  named: NamedSchemas,
): JsonSchema {
  if (from === '.') {
    return { ...valueSchema(field.type, { named }), description: paragraph(field.description) };
  }
  const [first = '', second] = from.split('.');
  const source = fieldOf(result, first);
  const target = second === undefined ? source : fieldOf(source.type, second);
  const owner = getNamedType(second === undefined ? result : source.type);
  const details = outputDetails(owner.name, target.name);
  const value = nullableSchema(target.type, valueSchema(target.type, { details, named }));
  const isList = second !== undefined && isListType(getNullableType(source.type));
  return {
    ...(isList ? { type: 'array', items: value } : value),
    description: paragraph((isList ? source : target).description),
  };
}

/** A description of schema.graphql with the names of REST, such as `first_name` for `firstName`. */
function restText({ params, success }: RestRoute, text: string | null | undefined): string {
  const names = new Map([
    ...Object.entries(params).map(([name, { to }]) => [to.split('.').at(-1), name] as const),
    ...Object.entries(success.data).map(([name, from]) => [from, name] as const),
  ]);
  return paragraph(text).replace(/\b[a-z]+[A-Z]\w*/g, (word) => names.get(word) ?? word);
}

/** Without the line breaks, which Markdown can show. */
function paragraph(text: string | null | undefined): string {
  return (text ?? '').replace(/\s*\n\s*/g, ' ');
}
