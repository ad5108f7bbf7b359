/** Compares two GraphQL schemas line by line. The order of types and members and all descriptions are ignored. */
import {
  astFromValue,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  type GraphQLScalarType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isScalarType,
  isSpecifiedScalarType,
  isUnionType,
  print,
} from 'graphql';

/** Every line that only one of the schemas has, such as `no resolver has: type User { fullName: String!`. */
export function schemaDifferences(file: GraphQLSchema, resolvers: GraphQLSchema): string[] {
  const [fileLines, resolverLines] = [linesOf(file), linesOf(resolvers)];
  return [
    ...[...fileLines]
      .filter((line) => !resolverLines.has(line))
      .sort()
      .map((line) => `no resolver has: ${line}`),
    ...[...resolverLines]
      .filter((line) => !fileLines.has(line))
      .sort()
      .map((line) => `no schema has: ${line}`),
  ];
}

function linesOf(schema: GraphQLSchema): ReadonlySet<string> {
  const types = Object.values(schema.getTypeMap()).filter(
    (type) =>
      !isIntrospectionType(type) && !isSpecifiedScalarType(type) && !isOfSpecification(type),
  );
  return new Set(types.flatMap(linesOfType));
}

/** Whether only directives of federation use the type, such as `link__Import`. */
function isOfSpecification({ name }: GraphQLNamedType): boolean {
  return name.includes('__');
}

/** A line for the type, and one for each member. */
function linesOfType(type: GraphQLNamedType): string[] {
  const { name } = type;
  if (isScalarType(type)) return [`scalar ${name}${specification(type)}`];
  if (isUnionType(type)) return [`union ${name} = ${sortedNames(type.getTypes()).join(' | ')}`];
  if (isEnumType(type)) return withMembers(`enum ${name}`, type.getValues().map(valueLine));
  if (isInputObjectType(type)) {
    const head = `input ${name}${type.isOneOf ? ' @oneOf' : ''}`;
    return withMembers(head, Object.values(type.getFields()).map(inputLine));
  }
  const head = `${isInterfaceType(type) ? 'interface' : 'type'} ${name}`;
  return [
    ...withMembers(head, Object.values(type.getFields()).map(fieldLine)),
    ...type.getInterfaces().map((each) => `${head} implements ${each.name}`),
  ];
}

function specification({ specifiedByURL: url }: GraphQLScalarType): string {
  return url == null ? '' : ` @specifiedBy(url: ${JSON.stringify(url)})`;
}

function withMembers(head: string, members: readonly string[]): string[] {
  return [head, ...members.map((member) => `${head} { ${member}`)];
}

function sortedNames(named: readonly { readonly name: string }[]): string[] {
  return named.map(({ name }) => name).sort();
}

interface Deprecatable {
  readonly deprecationReason?: string | null | undefined;
}

function deprecation({ deprecationReason: reason }: Deprecatable): string {
  return reason == null ? '' : ` @deprecated(reason: ${JSON.stringify(reason)})`;
}

function valueLine(value: Deprecatable & { readonly name: string }): string {
  return value.name + deprecation(value);
}

function inputLine(input: GraphQLInputField | GraphQLArgument): string {
  const value = astFromValue(input.defaultValue, input.type);
  const standard = value ? ` = ${print(value)}` : '';
  return `${input.name}: ${input.type}${standard}${deprecation(input)}`;
}

function fieldLine(field: GraphQLField<unknown, unknown>): string {
  const args = field.args.map(inputLine).sort().join(', ');
  return `${field.name}${args === '' ? '' : `(${args})`}: ${field.type}${deprecation(field)}`;
}
