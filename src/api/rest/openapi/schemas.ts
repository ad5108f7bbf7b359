/** JSON schemas of GraphQL types, and the named schemas of the OpenAPI document. */
import { isDeepStrictEqual } from 'node:util';
import {
  type GraphQLEnumType,
  type GraphQLInputType,
  type GraphQLOutputType,
  getNullableType,
  isEnumType,
  isListType,
  isNonNullType,
} from 'graphql';

export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/** The named schemas of a document, which operations refer to. */
export interface NamedSchemas {
  /**
   * Adds a schema.
   *
   * @returns a reference to it
   * @throws Error if another schema has the name
   */
  add(name: string, schema: JsonSchema): JsonSchema;
  /** In the order of their names. */
  all(): Readonly<Record<string, JsonSchema>>;
}

export function createNamedSchemas(): NamedSchemas {
  const schemas = new Map<string, JsonSchema>();
  return {
    add(name, schema) {
      const known = schemas.get(name);
      if (known && !isDeepStrictEqual(known, schema)) {
        throw new Error(`two schemas have the name ${name}`);
      }
      schemas.set(name, schema);
      return { $ref: `#/components/schemas/${name}` };
    },
    all: () => Object.fromEntries([...schemas].sort(([one], [other]) => (one < other ? -1 : 1))),
  };
}

/** JSON values of the scalars. Another scalar is any value. */
const scalars: Readonly<Record<string, JsonSchema>> = {
  Boolean: { type: 'boolean' },
  Int: { type: 'integer', format: 'int32' },
  Float: { type: 'number' },
  String: { type: 'string' },
  ID: { type: 'string', format: 'uuid' },
  DateTime: { type: 'string', format: 'date-time' },
};

/**
 * The schema of a value.
 *
 * @param details keywords of the value itself or of the items of a list, such as `maxLength`
 */
export function valueSchema(
  type: GraphQLInputType | GraphQLOutputType,
  { details = {}, named }: { readonly details?: JsonSchema; readonly named: NamedSchemas },
): JsonSchema {
  const value = getNullableType(type);
  if (isListType(value)) {
    return { type: 'array', items: valueSchema(value.ofType, { details, named }) };
  }
  if (isEnumType(value)) return named.add(value.name, enumSchema(value));
  return { ...scalars[value.name], ...details };
}

function enumSchema(type: GraphQLEnumType): JsonSchema {
  const values = type.getValues();
  const meanings = values.map(({ name, description }) => `- \`${name}\`: ${description}`);
  return {
    type: 'string',
    description: [type.description, '', ...meanings].join('\n'),
    enum: values.map(({ name }) => name),
  };
}

/** Adds null to the values of a schema, if the GraphQL type is nullable. */
export function nullableSchema(
  type: GraphQLInputType | GraphQLOutputType,
  schema: JsonSchema,
): JsonSchema {
  if (isNonNullType(type)) return schema;
  if (typeof schema.type === 'string') return { ...schema, type: [schema.type, 'null'] };
  return schema.$ref === undefined ? schema : { anyOf: [schema, { type: 'null' }] };
}
