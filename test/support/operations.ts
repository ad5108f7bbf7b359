/** The operations of schema.graphql and their text arguments, read from the file. */
import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  isUnionType,
  type OperationTypeNode,
} from 'graphql';

export const schemaText = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');

/** The schema without the fields that make it a Federation subgraph, and without their types. */
export function withoutFederation(schema: GraphQLSchema): GraphQLSchema {
  const { query, types, ...config } = schema.toConfig();
  if (!query) throw new Error('the schema has no Query');
  const { fields, ...ofQuery } = query.toConfig();
  const isOwn = (name: string) => !name.startsWith('_');
  const own = Object.fromEntries(Object.entries(fields).filter(([name]) => isOwn(name)));
  const ownQuery = new GraphQLObjectType({ ...ofQuery, fields: own });
  const ownTypes = types.filter(({ name }) => isOwn(name));
  return new GraphQLSchema({
    ...config,
    query: ownQuery,
    types: ownTypes.map((type) => (type === query ? ownQuery : type)),
  });
}

/** One text of an operation, such as `email` at `input.email` of `register`. */
export interface TextInput {
  readonly operation: string;
  readonly name: string;
  /** The path in the variables of the operation: `['input', 'email']`, `['code']`. */
  readonly path: readonly string[];
  readonly isRequired: boolean;
}

export interface Operation {
  readonly name: string;
  readonly kind: OperationTypeNode;
  readonly inputs: readonly TextInput[];
  /** The document with a variable for each argument; the alias of the field is `result`. */
  readonly document: string;
  /** The same with arguments as written, such as `(code: "x")`. */
  documentWith(argumentsText: string, variablesText?: string): string;
}

export function readOperations(): readonly Operation[] {
  const schema = buildSchema(schemaText);
  return [
    ...Object.values(schema.getQueryType()?.getFields() ?? {}).map((it) =>
      toOperation(it, 'query'),
    ),
    ...Object.values(schema.getMutationType()?.getFields() ?? {}).map((it) =>
      toOperation(it, 'mutation'),
    ),
  ];
}

function toOperation(
  { name, args, type }: GraphQLField<unknown, unknown>,
  kind: 'query' | 'mutation',
): Operation {
  const documentWith = (argumentsText: string, variablesText = '') =>
    `${kind} ${variablesText} { result: ${name} ${argumentsText} ${selectionOf(type)} }`;
  const list = (write: (arg: GraphQLArgument) => string) =>
    args.length === 0 ? '' : `(${args.map(write).join(', ')})`;
  return {
    name,
    kind: kind as OperationTypeNode, // the enum's values are these words
    inputs: args.flatMap((arg) => textsOf(name, [], arg)),
    document: documentWith(
      list((arg) => `${arg.name}: $${arg.name}`),
      list((arg) => `$${arg.name}: ${arg.type}`),
    ),
    documentWith,
  };
}

function selectionOf(type: GraphQLOutputType): string {
  const named = getNamedType(type);
  if (isUnionType(named)) {
    return '{ __typename ... on Problem { code message fields { path message } } }';
  }
  return isObjectType(named) || isInterfaceType(named) ? '{ __typename }' : '';
}

function textsOf(
  operation: string,
  above: readonly string[],
  input: GraphQLArgument | GraphQLInputField,
): TextInput[] {
  const path = [...above, input.name];
  const named = getNamedType(input.type);
  if (isInputObjectType(named)) {
    return Object.values(named.getFields()).flatMap((field) => textsOf(operation, path, field));
  }
  // A list of texts accepts lists, which are invalid texts.
  if (named.name !== 'String' || isListType(getNullableType(input.type))) return [];
  return [{ operation, name: input.name, path, isRequired: isNonNullType(input.type) }];
}
