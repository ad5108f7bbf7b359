/**
 * How many values an operation may make us answer, told from its text, its variables and the schema
 * before it is executed. Knows nothing of what the values are.
 */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
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
import { defaultPageSize, maxPageSize } from '../features/administration/pages.ts';

/** What is assumed of a list without pages, such as the groups of a user. */
const usualList = 10;
/** A field of the root asks the database by itself, however little it answers. */
const rootField = 1000;

interface Place {
  readonly type: GraphQLNamedType | undefined;
  /** Length of the page, where the type is a connection. */
  readonly pageLength: number;
}

export interface Costly {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Number of values in the largest answer that is likely. The document is valid. */
export function costOf({ schema, document, operation, variables }: Costly): number {
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
    const type = typeOf(field, place.type);
    const base = place.type === schema.getQueryType() ? rootField : 1;
    if (!type || !field.selectionSet) return base + (type ? lengthOf(type, place) - 1 : 0);
    const inner = { type: getNamedType(type), pageLength: pageLengthOf(field, variables) };
    return base + lengthOf(type, place) * ofSet(field.selectionSet, inner);
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
function typeOf(field: FieldNode, owner: GraphQLNamedType | undefined) {
  return isObjectType(owner) ? owner.getFields()[field.name.value]?.type : undefined;
}

function lengthOf(type: GraphQLOutputType, { type: owner, pageLength }: Place): number {
  if (!isListType(getNullableType(type))) return 1;
  return isConnection(owner) ? pageLength : usualList;
}

function isConnection(type: GraphQLNamedType | undefined): type is GraphQLObjectType {
  return isObjectType(type) && 'pageInfo' in type.getFields();
}

/** What `first` or `last` ask for; where that cannot be told, the largest page. */
function pageLengthOf(field: FieldNode, variables: Costly['variables']): number {
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
