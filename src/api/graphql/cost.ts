/**
 * Estimates the cost of an operation before it is executed: the number of values in its response, from the
 * document, the variables and the schema.
 */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { defaultPageSize, maxPageSize } from '../../database/pagination/paginate.ts';
import { exportedRows } from '../../features/profile/data-export.ts';
import { limits } from './limits.ts';

/** The cost of a query. Each root field, and each field with this weight, has a query of its own. */
const queryCost = 1000;

interface Weight {
  /** The cost of the field itself. */
  readonly own: number;
  /** Assumed length of a list without pages. */
  readonly length: number;
}

/**
 * Weights of fields whose cost does not follow from arguments. A test fails when a list of the schema is
 * missing. Loaders read the groups and permissions of all users in one query.
 */
export const weights: Readonly<Record<string, Weight>> = {
  'Query.node': { own: 2 * queryCost, length: 1 },
  // One query for the ids, and one for each type. The argument determines the length.
  'Query._entities': { own: 4 * queryCost, length: limits.listItems },
  'Query.exportMyData': { own: 3 * exportedRows * 8, length: 1 },
  'User.groups': { own: 1, length: 10 },
  'User.permissions': { own: 1, length: 10 },
  'User.effectivePermissions': { own: 1, length: 50 },
  'User.sessions': { own: 3 * queryCost, length: 100 },
  // An object of up to 8 KiB.
  'User.metadata': { own: 50, length: 1 },
  'User.apiKeys': { own: 1, length: 100 },
  'ServiceAccount.groups': { own: 1, length: 10 },
  'ServiceAccount.permissions': { own: 1, length: 10 },
  'ServiceAccount.effectivePermissions': { own: 1, length: 50 },
  'ServiceAccount.apiKeys': { own: 1, length: 100 },
  'ApiKey.permissions': { own: 1, length: 10 },
  'Group.permissions': { own: 1, length: 10 },
  'PermissionExplanation.obstacles': { own: 1, length: 50 },
  'PermissionExplanation.paths': { own: 1, length: 50 },
  'UserConnection.totalCount': { own: queryCost, length: 1 },
  'GroupConnection.totalCount': { own: queryCost, length: 1 },
  'PermissionConnection.totalCount': { own: queryCost, length: 1 },
  'ServiceAccountConnection.totalCount': { own: queryCost, length: 1 },
  'RegistrationConnection.totalCount': { own: queryCost, length: 1 },
  'AuditEntryConnection.totalCount': { own: queryCost, length: 1 },
};
const defaultWeight: Weight = { own: 1, length: 1 };

type Definition = GraphQLField<unknown, unknown>;
const listLength = 'listLength';

/** Sets the assumed length of `User.sessions` to the configured maximum. */
export function weighSessions(schema: GraphQLSchema, maxSessionsPerUser: number): void {
  const user = schema.getType('User');
  const sessions = isObjectType(user) ? user.getFields().sessions : undefined;
  if (!sessions) throw new Error('the schema has no field User.sessions');
  sessions.extensions = { ...sessions.extensions, [listLength]: maxSessionsPerUser };
}

interface Parent {
  readonly type: GraphQLNamedType | undefined;
  /** Length of the page, if the type is a connection. */
  readonly pageLength: number;
}

export interface CostInput {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** The number of values in the largest likely response. The document must be valid. */
export function costOf({ schema, document, operation, variables }: CostInput): number {
  const fragments = fragmentsOf(document);
  const ofFragments = new Map<string, number>();

  const ofSet = ({ selections }: SelectionSetNode, parent: Parent): number =>
    selections.reduce((sum, selection) => sum + ofSelection(selection, parent), 0);

  function ofSelection(selection: SelectionNode, parent: Parent): number {
    if (selection.kind === Kind.FIELD) return ofField(selection, parent);
    if (selection.kind === Kind.FRAGMENT_SPREAD) return ofFragment(selection.name.value, parent);
    const { typeCondition, selectionSet } = selection;
    const type = typeCondition ? schema.getType(typeCondition.name.value) : parent.type;
    return ofSet(selectionSet, { ...parent, type });
  }

  /** Computes the cost of a fragment once for each page length, however often it is spread. */
  function ofFragment(name: string, parent: Parent): number {
    const fragment = fragments.get(name);
    const key = `${name} ${parent.pageLength}`;
    const known = ofFragments.get(key);
    if (!fragment || known !== undefined) return known ?? 0;
    const type = schema.getType(fragment.typeCondition.name.value);
    const cost = ofSet(fragment.selectionSet, { ...parent, type });
    ofFragments.set(key, cost);
    return cost;
  }

  function ofField(field: FieldNode, parent: Parent): number {
    const definition = definitionOf(field, parent.type);
    if (!definition) return ofRoot(parent);
    const { own, length: assumed } = weightOf(definition, parent);
    const length = representationsOf(field, variables) ?? assumed;
    const base = Math.max(own, ofRoot(parent));
    if (!field.selectionSet) return base + length - 1;
    const pageLength = pageLengthOf(field, variables);
    const inner = { type: getNamedType(definition.type), pageLength };
    return base + length * ofSet(field.selectionSet, inner);
  }

  function ofRoot({ type }: Parent): number {
    return type === schema.getQueryType() ? queryCost : 1;
  }

  const type = schema.getRootType(operation.operation) ?? undefined;
  return ofSet(operation.selectionSet, { type, pageLength: defaultPageSize });
}

/** The fragments of a document by name. */
export function fragmentsOf({ definitions }: DocumentNode): Map<string, FragmentDefinitionNode> {
  return new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );
}

/** Undefined for introspection fields, which cost nothing: their result is constant, and off in production. */
function definitionOf(field: FieldNode, owner: GraphQLNamedType | undefined) {
  return isObjectType(owner) ? owner.getFields()[field.name.value] : undefined;
}

function weightOf(
  { name, type, extensions }: Definition,
  { type: owner, pageLength }: Parent,
): Weight {
  const weight = weights[`${owner?.name}.${name}`] ?? defaultWeight;
  if (!isListType(getNullableType(type))) return weight;
  if (isConnection(owner)) return { ...weight, length: pageLength };
  return { ...weight, length: Number(extensions[listLength] ?? weight.length) };
}

function isConnection(type: GraphQLNamedType | undefined): type is GraphQLObjectType {
  return isObjectType(type) && 'pageInfo' in type.getFields();
}

/** The number of representations of `_entities`, if it is known. */
function representationsOf(
  { name, arguments: args = [] }: FieldNode,
  variables: CostInput['variables'],
): number | undefined {
  if (name.value !== '_entities') return undefined;
  const value = args.find((arg) => arg.name.value === 'representations')?.value;
  if (value?.kind === Kind.LIST) return value.values.length;
  const list = value?.kind === Kind.VARIABLE ? variables[value.name.value] : undefined;
  return Array.isArray(list) ? list.length : undefined;
}

/** The value of `first` or `last`; the largest page when it is unknown. */
function pageLengthOf(field: FieldNode, variables: CostInput['variables']): number {
  const lengths = (field.arguments ?? [])
    .filter(({ name }) => name.value === 'first' || name.value === 'last')
    .map(({ value }) => {
      if (value.kind === Kind.INT) return Number(value.value);
      return value.kind === Kind.VARIABLE ? variables[value.name.value] : undefined;
    });
  if (lengths.length === 0) return defaultPageSize;
  return Math.max(...lengths.map(clampPageLength));
}

function clampPageLength(length: unknown): number {
  const isLength = typeof length === 'number' && length >= 0;
  return isLength ? Math.min(length, maxPageSize) : maxPageSize;
}
