/** Notes which operation of the schema a GraphQL request asked for, and why it failed as a whole. */
import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DocumentNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Context } from '../core/actor.ts';
import { isProblemCode } from '../core/errors.ts';
import { noteOperation, noteRefusal } from './outcomes.ts';

export const noteOutcomes: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async didResolveOperation({ document, operation, contextValue }) {
      if (operation) noteOperation(contextValue, operationName(document, operation));
    },
    async willSendResponse({ response: { body }, contextValue }) {
      const error = body.kind === 'single' ? body.singleResult.errors?.[0] : undefined;
      if (!error) return;
      const code = error.extensions?.code;
      noteRefusal(contextValue, isProblemCode(code) ? code : 'BAD_REQUEST');
    },
  }),
};

/** The field it asks for: validated, so it is one of the schema and nothing that a caller made up. */
function operationName(document: DocumentNode, { selectionSet }: OperationDefinitionNode): string {
  const fragments = new Map(
    document.definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((definition) => [definition.name.value, definition.selectionSet]),
  );
  const names = new Set<string>();
  collectFields(selectionSet, fragments, names);
  const [name = 'none'] = names;
  return names.size > 1 ? 'several' : name;
}

/** Takes fragments out as it goes: one that is spread a thousand times is looked at once. */
function collectFields(
  { selections }: SelectionSetNode,
  fragments: Map<string, SelectionSetNode>,
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
      if (fragment) collectFields(fragment, fragments, names);
    }
  }
}
