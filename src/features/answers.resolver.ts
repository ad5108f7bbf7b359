/** The object types that answers are made of: Acknowledgement, Problem, and unions with it. */
import 'reflect-metadata'; // type-graphql asks for it when a decorator runs
import { GraphQLScalarType } from 'graphql';
import { createUnionType, Field, ObjectType, registerEnumType } from 'type-graphql';
import { isTopLevel, type ProblemCode, problemCodes } from '../core/errors.ts';

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

/** Times leave as UTC in RFC 3339; they never come in. */
export const DateTime = new GraphQLScalarType({
  name: 'DateTime',
  description: 'A point in time: UTC, RFC 3339, such as `2026-01-31T12:00:00.000Z`.',
  serialize(value) {
    if (value instanceof Date) return value.toISOString();
    throw new TypeError('DateTime serialises dates only');
  },
});
