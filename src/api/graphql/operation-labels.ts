/** Sets the operation and the error code of GraphQL requests, for log and metrics. */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { RequestContext } from '../../core/request-context.ts';
import { setErrorCodeOf, setOperation } from '../http/request-log.ts';
import { fragmentsOf } from './cost.ts';

const listener: GraphQLRequestListener<RequestContext> = {
  async didResolveOperation({ document, operation, contextValue }) {
    if (operation) setOperation(contextValue, cachedName(document, operation));
  },
  async willSendResponse({ response: { body }, contextValue }) {
    if (body.kind === 'single') setErrorCodeOf(contextValue, body.singleResult.errors?.[0]);
  },
};
const started = Promise.resolve(listener);

export const labelOperations: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () => started,
};

/** Apollo caches parsed documents, so the name is cached by operation. */
const names = new WeakMap<OperationDefinitionNode, string>();

function cachedName(document: DocumentNode, operation: OperationDefinitionNode): string {
  const name = names.get(operation) ?? operationName(document, operation);
  names.set(operation, name);
  return name;
}

/** The root fields of an operation, in all fragments. */
export function rootFieldsOf(
  document: DocumentNode,
  { selectionSet }: OperationDefinitionNode,
): ReadonlySet<string> {
  const names = new Set<string>();
  collectFields(selectionSet, fragmentsOf(document), names);
  return names;
}

/** The root field, which is a field of the schema, because the document is valid. */
export function operationName(document: DocumentNode, operation: OperationDefinitionNode): string {
  const names = rootFieldsOf(document, operation);
  const [name = 'none'] = names;
  return names.size > 1 ? 'several' : name;
}

/** Removes each visited fragment, so that a fragment is visited once, however often it is spread. */
function collectFields(
  { selections }: SelectionSetNode,
  fragments: Map<string, FragmentDefinitionNode>,
  names: Set<string>,
): void {
  for (const selection of selections) {
    if (selection.kind === Kind.FIELD) {
      names.add(selection.name.value);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      collectFields(selection.selectionSet, fragments, names);
    } else {
      const fragment = fragments.get(selection.name.value);
      fragments.delete(selection.name.value);
      if (fragment) collectFields(fragment.selectionSet, fragments, names);
    }
  }
}
