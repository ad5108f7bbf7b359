/** What is refused once the operation is known, and before it is executed. */
import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError } from 'graphql';
import type { Context } from '../core/actor.ts';
import { costOf } from './graphql-cost.ts';
import { limits, OverLimit } from './graphql-limits.ts';
import { requireModestVariables } from './graphql-variables.ts';

export const refuseSubscriptions: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async didResolveOperation({ operation }) {
      if (operation?.operation !== 'subscription') return;
      throw new GraphQLError('There are no subscriptions here.', {
        extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } },
      });
    },
  }),
};

export const refuseCostly: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async didResolveOperation({ schema, document, operation, request: { variables = {} } }) {
      if (!operation) return; // is answered by the execution
      requireModestVariables(schema, operation, variables);
      if (costOf({ schema, document, operation, variables }) <= limits.cost) return;
      throw new OverLimit('The operation asks for too much at once; ask for fewer, or in parts.');
    },
  }),
};
