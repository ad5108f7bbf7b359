/** Reads the parameters of a REST request as variables of the GraphQL document of its route. */
import type { FastifyRequest } from 'fastify';
import { type FieldProblem, Problem } from '../../core/errors.ts';
import { JsonFault, parseStrictJson } from '../../core/json.ts';
import { isForm } from '../http/bodies.ts';
import { httpLimits } from '../http/limits.ts';
import type { RestParam, RestRoute } from './route.ts';

type Parsed = { readonly value: unknown } | { readonly fault: string };

/** Values of forms and queries are text, values of JSON have their types. */
const parsers: Readonly<Record<RestParam['kind'], (raw: unknown, isText: boolean) => Parsed>> = {
  text: (raw) => (typeof raw === 'string' ? { value: raw } : { fault: 'Must be a string.' }),
  flag(raw) {
    if (typeof raw === 'boolean') return { value: raw };
    const word = typeof raw === 'string' ? raw.toLowerCase() : undefined;
    return word === 'true' || word === 'false'
      ? { value: word === 'true' }
      : { fault: 'Must be true or false.' };
  },
  number(raw) {
    const isWhole = typeof raw === 'string' && /^\d{1,9}$/.test(raw);
    return isWhole ? { value: Number(raw) } : { fault: 'Must be a whole number.' };
  },
  ids: (raw) => parseTexts(raw, 'Must be a list of ids.'),
  codes: (raw) => parseTexts(raw, 'Must be a list of codes.'),
  json: (raw, isText) => (isText ? parseJson(raw) : { value: raw }),
};

/** A list of texts. A query or a form has a list of one as a text. */
function parseTexts(raw: unknown, fault: string): Parsed {
  const list = typeof raw === 'string' ? [raw] : raw;
  return Array.isArray(list) && list.every((each) => typeof each === 'string')
    ? { value: list }
    : { fault };
}

/** The JSON text of a form. A repeated field of a form is a list, which is no text. */
function parseJson(raw: unknown): Parsed {
  if (typeof raw !== 'string') return { fault: 'Must be one JSON text.' };
  try {
    return { value: parseStrictJson(raw, httpLimits.jsonDepth) };
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    return { fault: error.reason ? `The JSON ${error.reason}.` : 'Must be JSON.' };
  }
}

/** @throws VALIDATION_FAILED with every parameter that is missing, unknown or has another type */
export function parseVariables(route: RestRoute, request: FastifyRequest): Record<string, unknown> {
  const variables: Record<string, unknown> = { ...route.defaults };
  const fields: FieldProblem[] = [];
  for (const [name, param] of Object.entries(route.params)) {
    createInputObject(variables, param.to);
    const raw = valuesOf(request, param.from)[name];
    if (raw === undefined || raw === null || (!route.isStrict && isBlank(raw, param, request))) {
      if (param.isRequired) fields.push({ path: name, message: 'Is required.' });
      continue;
    }
    const parsed = parsers[param.kind](raw, isForm(request));
    if ('fault' in parsed) fields.push({ path: name, message: parsed.fault });
    else setVariable(variables, param.to, parsed.value);
  }
  fields.push(...unknownKeys(route, request));
  if (fields.length > 0) throw new Problem('VALIDATION_FAILED', { fields });
  return variables;
}

/**
 * Administration rejects unknown keys, because a misspelt key would be lost silently. Keys of the response,
 * such as `created_at`, are allowed, so that a client can send a response back with PUT. They are ignored. A
 * strict route rejects them too, and unknown keys of the query.
 */
function unknownKeys(route: RestRoute, request: FastifyRequest): FieldProblem[] {
  const { params, success, isStrict = false } = route;
  if (!isStrict && !route.path.startsWith('/admin/')) return [];
  const unknown = (from: 'body' | 'query') =>
    Object.keys(valuesOf(request, from)).filter((key) => params[key]?.from !== from);
  const inBody = unknown('body').filter((key) => isStrict || !Object.hasOwn(success.data, key));
  return [...inBody, ...(isStrict ? unknown('query') : [])]
    .slice(0, maxUnknownKeys)
    .map((key) => ({ path: isName(key) ? key : 'body', message: 'Is unknown.' }));
}

const maxUnknownKeys = 10;

/** Whether the key looks like a parameter name. The response does not repeat other keys. */
function isName(key: string): boolean {
  return /^[a-z][a-z0-9_]{0,39}$/i.test(key);
}

/** Forms send an empty field as an empty string. */
function isBlank(raw: unknown, { isRequired, from }: RestParam, request: FastifyRequest): boolean {
  return raw === '' && !isRequired && from === 'body' && isForm(request);
}

function valuesOf(request: FastifyRequest, from: RestParam['from']): Record<string, unknown> {
  const source = { body: request.body, query: request.query, path: request.params }[from];
  return typeof source === 'object' && source !== null
    ? (source as Record<string, unknown>) // any object has keys and values
    : {};
}

/** The document needs its input object even without a field. */
function createInputObject(variables: Record<string, unknown>, to: string): void {
  const [first = '', second] = to.split('.');
  if (second !== undefined) variables[first] ??= {};
}

/** Sets the value of a path such as `input.firstName`. */
function setVariable(variables: Record<string, unknown>, to: string, value: unknown): void {
  const [first = '', second] = to.split('.');
  if (second === undefined) variables[first] = value;
  else variables[first] = { ...(variables[first] as object), [second]: value }; // by createInputObject
}
