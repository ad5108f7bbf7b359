/**
 * How many values an operation may make us answer, told from its text, its variables and the schema
 * before it is executed. Knows nothing of what the values are.
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
import { exportedRows } from '../../features/profile/profile.ts';

/** A field that asks the database by itself, however little it answers; so does each field of the root. */
const ownQuery = 1000;

interface Weight {
  /** What the field itself costs. */
  readonly own: number;
  /** Items of a list without pages. */
  readonly length: number;
}

/**
 * What is assumed of fields without arguments that say it. A test fails when a list of the schema is
 * missing. Loaders ask for the access of all users and groups of an answer at once.
 */
export const weights: Readonly<Record<string, Weight>> = {
  'Query.exportMyData': { own: 2 * exportedRows * 8, length: 1 },
  'User.groups': { own: 1, length: 10 },
  'User.permissions': { own: 1, length: 10 },
  'User.effectivePermissions': { own: 1, length: 50 },
  'User.sessions': { own: 3 * ownQuery, length: 100 },
  'Group.permissions': { own: 1, length: 10 },
  'PermissionExplanation.obstacles': { own: 1, length: 50 },
  'PermissionExplanation.paths': { own: 1, length: 50 },
  'UserConnection.totalCount': { own: ownQuery, length: 1 },
  'GroupConnection.totalCount': { own: ownQuery, length: 1 },
  'PermissionConnection.totalCount': { own: ownQuery, length: 1 },
  'RegistrationConnection.totalCount': { own: ownQuery, length: 1 },
  'AuditEntryConnection.totalCount': { own: ownQuery, length: 1 },
};
const light: Weight = { own: 1, length: 1 };

type Definition = GraphQLField<unknown, unknown>;
const listLength = 'listLength';

/** Weighs the list of sessions by what the configuration lets it be. */
export function weighSessions(schema: GraphQLSchema, maxSessionsPerUser: number): void {
  const user = schema.getType('User');
  const sessions = isObjectType(user) ? user.getFields().sessions : undefined;
  if (!sessions) throw new Error('the schema has no sessions');
  sessions.extensions = { ...sessions.extensions, [listLength]: maxSessionsPerUser };
}

interface Place {
  readonly type: GraphQLNamedType | undefined;
  /** Length of the page, where the type is a connection. */
  readonly pageLength: number;
}

export interface CostInput {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Number of values in the largest answer that is likely. The document is valid. */
export function costOf({ schema, document, operation, variables }: CostInput): number {
  const fragments = fragmentsOf(document);
  const ofFragments = new Map<string, number>();

  const ofSet = ({ selections }: SelectionSetNode, place: Place): number =>
    selections.reduce((sum, selection) => sum + ofSelection(selection, place), 0);

  function ofSelection(selection: SelectionNode, place: Place): number {
    if (selection.kind === Kind.FIELD) return ofField(selection, place);
    if (selection.kind === Kind.FRAGMENT_SPREAD) return ofFragment(selection.name.value, place);
    const { typeCondition, selectionSet } = selection;
    const type = typeCondition ? schema.getType(typeCondition.name.value) : place.type;
    return ofSet(selectionSet, { ...place, type });
  }

  /** Each fragment is weighed once for each length of page, however often it is spread. */
  function ofFragment(name: string, place: Place): number {
    const fragment = fragments.get(name);
    const key = `${name} ${place.pageLength}`;
    const known = ofFragments.get(key);
    if (!fragment || known !== undefined) return known ?? 0;
    const type = schema.getType(fragment.typeCondition.name.value);
    const cost = ofSet(fragment.selectionSet, { ...place, type });
    ofFragments.set(key, cost);
    return cost;
  }

  function ofField(field: FieldNode, place: Place): number {
    const definition = definitionOf(field, place.type);
    if (!definition) return ofRoot(place);
    const { own, length } = weightOf(definition, place);
    const base = Math.max(own, ofRoot(place));
    if (!field.selectionSet) return base + length - 1;
    const pageLength = pageLengthOf(field, variables);
    const inner = { type: getNamedType(definition.type), pageLength };
    return base + length * ofSet(field.selectionSet, inner);
  }

  function ofRoot({ type }: Place): number {
    return type === schema.getQueryType() ? ownQuery : 1;
  }

  const type = schema.getRootType(operation.operation) ?? undefined;
  return ofSet(operation.selectionSet, { type, pageLength: defaultPageSize });
}

/** The fragments of a document by their names. */
export function fragmentsOf({ definitions }: DocumentNode): Map<string, FragmentDefinitionNode> {
  return new Map(
    definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  );
}

/** Nothing for what introspection offers: it is the same text each time, and off in production. */
function definitionOf(field: FieldNode, owner: GraphQLNamedType | undefined) {
  return isObjectType(owner) ? owner.getFields()[field.name.value] : undefined;
}

function weightOf(
  { name, type, extensions }: Definition,
  { type: owner, pageLength }: Place,
): Weight {
  const weight = weights[`${owner?.name}.${name}`] ?? light;
  if (!isListType(getNullableType(type))) return weight;
  if (isConnection(owner)) return { ...weight, length: pageLength };
  return { ...weight, length: Number(extensions[listLength] ?? weight.length) };
}

function isConnection(type: GraphQLNamedType | undefined): type is GraphQLObjectType {
  return isObjectType(type) && 'pageInfo' in type.getFields();
}

/** What `first` or `last` ask for; where that cannot be told, the largest page. */
function pageLengthOf(field: FieldNode, variables: CostInput['variables']): number {
  const lengths = (field.arguments ?? [])
    .filter(({ name }) => name.value === 'first' || name.value === 'last')
    .map(({ value }) => {
      if (value.kind === Kind.INT) return Number(value.value);
      return value.kind === Kind.VARIABLE ? variables[value.name.value] : undefined;
    });
  if (lengths.length === 0) return defaultPageSize;
  return Math.max(...lengths.map(withinPage));
}

function withinPage(length: unknown): number {
  const isLength = typeof length === 'number' && length >= 0;
  return isLength ? Math.min(length, maxPageSize) : maxPageSize;
}
