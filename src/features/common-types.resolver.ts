/** The object types that answers are made of: Acknowledgement, Problem, and unions with it. */
import 'reflect-metadata'; // type-graphql asks for it when a decorator runs
import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';
import { createUnionType, Field, ObjectType, registerEnumType } from 'type-graphql';
import { isTopLevel, type ProblemCode, problemCodes } from '../core/errors.ts';
import { parseRfc3339 } from '../core/time.ts';

type ClassType = new () => object;

const refusalCodes = Object.fromEntries(
  problemCodes.filter((code) => !isTopLevel(code)).map((code) => [code, code]),
);
registerEnumType(refusalCodes, { name: 'ProblemCode' });

@ObjectType('Acknowledgement')
export class AcknowledgementType {
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
  @Field(() => refusalCodes)
  code!: ProblemCode;

  @Field(() => String)
  message!: string;

  @Field(() => [FieldProblemType])
  fields!: FieldProblemType[];
}

/** The union of an operation's success type and Problem; told apart by the code. */
export function resultUnion<Success extends ClassType>(name: string, success: Success) {
  return createUnionType({
    name,
    types: () => [success, ProblemType] as const,
    resolveType: (value: object) => ('code' in value ? ProblemType : success),
  });
}

/** Any JSON value, as it is. */
export const Json = new GraphQLScalarType({
  name: 'JSON',
  description: 'Any JSON value.',
  serialize: (value) => value,
});

/** The answer of an operation that has nothing to tell but that it is done. */
export function acknowledge(message: string): AcknowledgementType {
  return { message };
}

/** The instant, whatever its offset; what is no time is refused without being quoted. */
function parseDateTime(raw: unknown): Date {
  const instant = parseRfc3339(raw);
  if (instant) return instant;
  throw new GraphQLError('A time must be a text such as 2026-01-31T12:00:00Z.');
}

/**
 * Times that were written lately, each in the place that its milliseconds choose: who is known is asked
 * for again and again, and to write a time costs more than to find it.
 */
const places = 4096;
const times = new Float64Array(places).fill(Number.NaN);
const texts = new Array<string>(places).fill('');

function write(time: Date): string {
  const milliseconds = time.getTime();
  const place = Math.abs(milliseconds) % places;
  if (times[place] === milliseconds) return texts[place] as string; // is set before the time is
  const text = time.toISOString();
  texts[place] = text;
  times[place] = milliseconds;
  return text;
}

/** Times come in with any offset and leave as UTC, in RFC 3339. */
export const DateTime = new GraphQLScalarType({
  name: 'DateTime',
  description: 'A point in time in RFC 3339, such as `2026-01-31T12:00:00.000Z`. Output is in UTC.',
  serialize(value) {
    if (value instanceof Date) return write(value);
    throw new TypeError('DateTime serialises dates only');
  },
  parseValue: parseDateTime,
  parseLiteral: (node) => parseDateTime(node.kind === Kind.STRING ? node.value : undefined),
});
