/** What is refused once the operation is known, and before it is executed. */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import { GraphQLError, type OperationDefinitionNode } from 'graphql';
import type { RequestContext } from '../../core/request-context.ts';
import { type CostInput, costOf } from './cost.ts';
import { assertVariablesWithinLimits, limits, QueryLimitError } from './limits.ts';
import { invalidTokenError, needsValidToken } from './public-operations.ts';

const listener: GraphQLRequestListener<RequestContext> = {
  async didResolveOperation({ schema, document, operation, contextValue, request }) {
    const { variables = {} } = request;
    if (!operation) return; // is answered by the execution
    if (needsValidToken(contextValue, document, operation)) throw invalidTokenError();
    if (operation.operation === 'subscription') throw noSubscriptions();
    assertWithinLimits({ schema, document, operation, variables });
  },
};
const listening = Promise.resolve(listener);

/** Refuses subscriptions, variables that are too large, and operations that ask for too much. */
export const refuseOperations: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () => listening,
};

/** @throws OverLimit */
export function assertWithinLimits(costInput: CostInput): void {
  const { schema, operation, variables } = costInput;
  assertVariablesWithinLimits(schema, operation, variables);
  if (keptCost(costInput) <= limits.cost) return;
  throw new QueryLimitError('The operation asks for too much at once; ask for fewer, or in parts.');
}

function noSubscriptions(): GraphQLError {
  return new GraphQLError('There are no subscriptions here.', {
    extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } },
  });
}

const costs = new WeakMap<OperationDefinitionNode, number>();

/** Weighed once for each document that Apollo keeps, where variables have no say in it. */
function keptCost(costInput: CostInput): number {
  const { operation } = costInput;
  if (operation.variableDefinitions?.length) return costOf(costInput);
  const kept = costs.get(operation) ?? costOf(costInput);
  costs.set(operation, kept);
  return kept;
}
