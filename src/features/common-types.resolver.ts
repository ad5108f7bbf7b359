/** Common GraphQL types: Node, Acknowledgement, Deletion, Problem, result unions and scalars. */
import 'reflect-metadata'; // type-graphql needs it when a decorator runs
import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import {
  createUnionType,
  Field,
  ID,
  InterfaceType,
  ObjectType,
  registerEnumType,
} from 'type-graphql';
import { isTopLevel, type ProblemCode, problemCodes } from '../core/errors.ts';
import { parseId } from '../core/parse.ts';
import { parseRfc3339, timeFault } from '../core/time.ts';

type ClassType = new () => object;

const dataCodes = Object.fromEntries(
  problemCodes.filter((code) => !isTopLevel(code)).map((code) => [code, code]),
);
registerEnumType(dataCodes, { name: 'ProblemCode' });

/** The types of objects that were loaded by their ids: an object itself does not have its type. */
const typeNames = new WeakMap<object, string>();

/** Records the GraphQL type of an object that is returned as a Node. */
export function setTypeName(object: object, typeName: string): void {
  typeNames.set(object, typeName);
}

export function typeNameOf(object: object): string | undefined {
  return typeNames.get(object);
}

@InterfaceType('Node', { resolveType: typeNameOf })
export abstract class NodeType {
  @Field(() => ID)
  id!: string;
}

@ObjectType('Acknowledgement')
export class AcknowledgementType {
  @Field(() => String)
  message!: string;
}

@ObjectType('Deletion')
export class DeletionType {
  @Field(() => ID)
  deletedId!: string;

  @Field(() => String)
  message!: string;
}

@ObjectType('FieldProblem')
class FieldProblemType {
  @Field(() => String)
  path!: string;

  @Field(() => String)
  message!: string;
}

@ObjectType('Problem')
class ProblemType {
  @Field(() => dataCodes)
  code!: ProblemCode;

  @Field(() => String)
  message!: string;

  @Field(() => [FieldProblemType])
  fields!: FieldProblemType[];
}

/** The union of an operation's success type and Problem. Only a Problem has a code. */
export function resultUnion<Success extends ClassType>(name: string, success: Success) {
  return createUnionType({
    name,
    types: () => [success, ProblemType] as const,
    resolveType: (value: object) => ('code' in value ? ProblemType : success),
  });
}

/** Any JSON value, unchanged. */
export const Json = new GraphQLScalarType({
  name: 'JSON',
  description: 'Any JSON value.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc8259',
  serialize: (value) => value,
});

/** The result of an operation without data. */
export function acknowledge(message: string): AcknowledgementType {
  return { message };
}

/** The result of a deletion. @param id of the request, in any case */
export function deletion(id: string, message: string): DeletionType {
  return { deletedId: parseId(id) ?? id, message };
}

/** A time with any offset. The error for other input does not quote it. */
function parseDateTime(raw: unknown): Date {
  const instant = parseRfc3339(raw);
  if (instant) return instant;
  throw new GraphQLError(timeFault);
}

/**
 * A cache of formatted times, indexed by their milliseconds. The times of cached principals are formatted
 * for every request, and a lookup is faster.
 */
const cacheSize = 4096;
const times = new Float64Array(cacheSize).fill(Number.NaN);
const texts = new Array<string>(cacheSize).fill('');

function format(time: Date): string {
  const milliseconds = time.getTime();
  const index = Math.abs(milliseconds) % cacheSize;
  if (times[index] === milliseconds) return texts[index] as string; // as: set together with the time
  const text = time.toISOString();
  texts[index] = text;
  times[index] = milliseconds;
  return text;
}

/** RFC 3339. Input may have any offset; output is UTC. */
export const DateTime = new GraphQLScalarType({
  name: 'DateTime',
  description: 'A point in time in RFC 3339, such as `2026-01-31T12:00:00.000Z`. Output is in UTC.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize(value) {
    if (value instanceof Date) return format(value);
    throw new TypeError('DateTime serialises dates only');
  },
  parseValue: parseDateTime,
  parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined),
});
