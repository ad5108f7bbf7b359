/** The GraphQL types of a REST route, from its document: those of its parameters and of its result. */
import {
  type FieldNode,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isObjectType,
  isUnionType,
  Kind,
  type OperationDefinitionNode,
  parse,
} from 'graphql';
import type { RestRoute } from '../route.ts';

/** An argument of an operation, or a field of an input type. */
export interface RouteInput {
  /** The operation or the input type. */
  readonly owner: string;
  readonly name: string;
  readonly type: GraphQLInputType;
  readonly description: string;
}

export interface RouteTypes {
  /** The root field of the document. */
  readonly field: GraphQLField<unknown, unknown>;
  /** The field that the operation is named after: the root field, or its field with the items of a list. */
  readonly subject: GraphQLField<unknown, unknown>;
  /** Type of the result without its problems, or of the nodes of a list. */
  readonly result: GraphQLOutputType;
  /** The input that a variable such as `input.firstName` sets. */
  inputOf(to: string): RouteInput;
}

/** @throws Error for a document that does not match the schema */
export function routeTypesOf(schema: GraphQLSchema, route: RestRoute): RouteTypes {
  const operation = operationOf(route.document);
  const node = rootFieldOf(operation);
  const root = operation.operation === 'query' ? schema.getQueryType() : schema.getMutationType();
  const field = root?.getFields()[node.name.value];
  if (!field) throw new Error(`no operation ${node.name.value}`);
  const success = successTypeOf(field.type, node);
  return {
    field,
    subject: route.itemsField === undefined ? field : fieldOf(success, route.itemsField),
    result: route.isList ? fieldOf(success, route.itemsField ?? 'nodes').type : success,
    inputOf: (to) => inputOf(field, node, to),
  };
}

function operationOf(document: string): OperationDefinitionNode {
  const operation = parse(document).definitions.find(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  if (!operation) throw new Error(`no operation in ${document}`);
  return operation;
}

function rootFieldOf({ selectionSet }: OperationDefinitionNode): FieldNode {
  const [node] = selectionSet.selections;
  if (node?.kind !== Kind.FIELD) throw new Error('no root field');
  return node;
}

/** The document selects the members of a union in this order: the success, then `Problem`. */
function successTypeOf(type: GraphQLOutputType, { selectionSet }: FieldNode): GraphQLOutputType {
  const union = getNamedType(type);
  if (!isUnionType(union)) return type;
  const [fragment] = selectionSet?.selections ?? [];
  const name = fragment?.kind === Kind.INLINE_FRAGMENT ? fragment.typeCondition?.name.value : '';
  const member = union.getTypes().find((each) => each.name === name);
  if (!member) throw new Error(`no success of ${union.name}`);
  return member;
}

/** The field of an object type, or of the items of a list of objects. */
export function fieldOf(type: GraphQLOutputType, name: string): GraphQLField<unknown, unknown> {
  const owner = getNamedType(type);
  const field = isObjectType(owner) ? owner.getFields()[name] : undefined;
  if (!field) throw new Error(`no field ${name} of ${owner.name}`);
  return field;
}

function inputOf(field: GraphQLField<unknown, unknown>, node: FieldNode, to: string): RouteInput {
  const [variable = '', name] = to.split('.');
  const argument = field.args.find((each) => each.name === argumentOf(node, variable));
  if (!argument) throw new Error(`no argument ${variable} of ${field.name}`);
  if (name === undefined) return toInput(field.name, argument);
  const type = getNamedType(argument.type);
  const inputField = isInputObjectType(type) ? type.getFields()[name] : undefined;
  if (!inputField) throw new Error(`no field ${name} of ${type.name}`);
  return toInput(type.name, inputField);
}

/** The name of the argument that has the variable as its value. */
function argumentOf({ arguments: given = [] }: FieldNode, variable: string): string | undefined {
  return given.find(({ value }) => value.kind === Kind.VARIABLE && value.name.value === variable)
    ?.name.value;
}

function toInput(owner: string, input: GraphQLArgument | GraphQLInputField): RouteInput {
  const { name, type, description } = input;
  return { owner, name, type, description: description ?? '' };
}
