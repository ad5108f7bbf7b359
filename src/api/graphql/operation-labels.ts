/** Notes which operation of the schema a GraphQL request asked for, and why it failed as a whole. */
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
    if (operation) setOperation(contextValue, keptName(document, operation));
  },
  async willSendResponse({ response: { body }, contextValue }) {
    if (body.kind === 'single') setErrorCodeOf(contextValue, body.singleResult.errors?.[0]);
  },
};
const listening = Promise.resolve(listener);

export const labelOperations: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () => listening,
};

/** Apollo keeps the documents that it is asked often, and so what is known of them is kept. */
const names = new WeakMap<OperationDefinitionNode, string>();

function keptName(document: DocumentNode, operation: OperationDefinitionNode): string {
  const kept = names.get(operation) ?? operationName(document, operation);
  names.set(operation, kept);
  return kept;
}

/** The root fields of an operation, through every fragment. */
export function rootFieldsOf(
  document: DocumentNode,
  { selectionSet }: OperationDefinitionNode,
): ReadonlySet<string> {
  const names = new Set<string>();
  collectFields(selectionSet, fragmentsOf(document), names);
  return names;
}

/** The field it asks for: validated, so it is one of the schema and nothing that a caller made up. */
export function operationName(document: DocumentNode, operation: OperationDefinitionNode): string {
  const names = rootFieldsOf(document, operation);
  const [name = 'none'] = names;
  return names.size > 1 ? 'several' : name;
}

/** Takes fragments out as it goes: one that is spread a thousand times is looked at once. */
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
