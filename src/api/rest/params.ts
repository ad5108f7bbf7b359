/** What a REST request brings along, as the variables of its row's document. */
import type { FastifyRequest } from 'fastify';
import { type FieldProblem, Problem } from '../../core/errors.ts';
import { isForm } from '../http/bodies.ts';
import type { RestInput, RestRoute } from './route.ts';

type Reading = { readonly value: unknown } | { readonly fault: string };

/** Forms and queries have text only; JSON has each kind as itself. */
const readers: Readonly<Record<RestInput['kind'], (raw: unknown) => Reading>> = {
  text: (raw) => (typeof raw === 'string' ? { value: raw } : { fault: 'Must be one text.' }),
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
  ids(raw) {
    const list = typeof raw === 'string' ? [raw] : raw;
    return Array.isArray(list) && list.every((each) => typeof each === 'string')
      ? { value: list }
      : { fault: 'Must be a list of ids.' };
  },
};

/** @throws VALIDATION_FAILED naming every input that is missing or of another kind */
export function variablesOf(row: RestRoute, request: FastifyRequest): Record<string, unknown> {
  const variables: Record<string, unknown> = { ...row.defaults };
  const fields: FieldProblem[] = [];
  for (const [name, input] of Object.entries(row.inputs)) {
    openPlace(variables, input.to);
    const raw = valuesOf(request, input.from)[name];
    if (raw === undefined || raw === null || isLeftBlank(raw, input, request)) {
      if (input.isRequired) fields.push({ path: name, message: 'Must be given.' });
      continue;
    }
    const reading = readers[input.kind](raw);
    if ('fault' in reading) fields.push({ path: name, message: reading.fault });
    else place(variables, input.to, reading.value);
  }
  fields.push(...unknownKeys(row, request.body));
  if (fields.length > 0) throw new Problem('VALIDATION_FAILED', { fields });
  return variables;
}

/**
 * Administration refuses keys that it does not know: a misspelt one would be lost without a word. What
 * the answer of the row has, such as `created_at`, may come back with a PUT and changes nothing.
 */
function unknownKeys({ path, inputs, success }: RestRoute, body: unknown): FieldProblem[] {
  if (!path.startsWith('/admin/') || typeof body !== 'object' || body === null) return [];
  return Object.keys(body)
    .filter((key) => inputs[key]?.from !== 'body' && !Object.hasOwn(success.data, key))
    .slice(0, mostUnknownKeys)
    .map((key) => ({ path: isName(key) ? key : 'body', message: 'Is not known here.' }));
}

const mostUnknownKeys = 10;

/** Whether it can be a name of ours; anything else is not repeated to the caller. */
function isName(key: string): boolean {
  return /^[a-z][a-z0-9_]{0,39}$/i.test(key);
}

/** Forms send a field that nobody filled in as an empty text. */
function isLeftBlank(
  raw: unknown,
  { isRequired, from }: RestInput,
  request: FastifyRequest,
): boolean {
  return raw === '' && !isRequired && from === 'body' && isForm(request);
}

function valuesOf(request: FastifyRequest, from: RestInput['from']): Record<string, unknown> {
  const source = { body: request.body, query: request.query, path: request.params }[from];
  return typeof source === 'object' && source !== null
    ? (source as Record<string, unknown>) // any object has keys and values
    : {};
}

/** An input object is there even when nothing is put into it. */
function openPlace(variables: Record<string, unknown>, to: string): void {
  const [first = '', second] = to.split('.');
  if (second !== undefined) variables[first] ??= {};
}

/** Puts a value at a path such as `input.firstName`. */
function place(variables: Record<string, unknown>, to: string, value: unknown): void {
  const [first = '', second] = to.split('.');
  if (second === undefined) variables[first] = value;
  else variables[first] = { ...(variables[first] as object), [second]: value }; // by openPlace
}
