/**
 * Checks of an operation between validation and execution: bearer token, subscriptions, limits of variables
 * and cost.
 */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import { type DocumentNode, GraphQLError, type OperationDefinitionNode } from 'graphql';
import { sentenceOf, statusOf } from '../../core/errors.ts';
import type { RequestContext } from '../../core/request-context.ts';
import { invalidTokenChallenge } from '../http/responses.ts';
import { type CostInput, costOf } from './cost.ts';
import { assertVariablesWithinLimits, limits, QueryLimitError } from './limits.ts';
import { rootFieldsOf } from './operation-labels.ts';

const listener: GraphQLRequestListener<RequestContext> = {
  async didResolveOperation({ schema, document, operation, contextValue, request }) {
    const { variables = {} } = request;
    if (!operation) return; // the execution reports it
    if (needsValidToken(contextValue, document, operation)) throw invalidTokenError();
    if (operation.operation === 'subscription') throw noSubscriptions();
    assertWithinLimits({ schema, document, operation, variables });
  },
};
const started = Promise.resolve(listener);

export const checkOperations: ApolloServerPlugin<RequestContext> = {
  requestDidStart: () => started,
};

/**
 * The root fields that need no access token. Clients that send their token with every request can log in and
 * refresh with an expired one. `test/api/graphql/stale-tokens.test.ts` compares the list with the schema.
 */
export const publicFields: ReadonlySet<string> = new Set([
  '__schema',
  '__type',
  '__typename',
  'cancelEmailChange',
  'cancelRegistration',
  'confirmEmailChange',
  'isPasswordResetValid',
  'login',
  'refreshTokens',
  'register',
  'requestPasswordReset',
  'resendVerificationEmail',
  'resetPassword',
  'verifyEmail',
]);

/** Whether the operation needs an access token, and the request has an invalid one. */
export function needsValidToken(
  { isTokenRejected }: RequestContext,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): boolean {
  if (!isTokenRejected) return false;
  return [...rootFieldsOf(document, operation)].some((field) => !publicFields.has(field));
}

/** Fails the whole request with HTTP 401, before the execution. */
function invalidTokenError(): GraphQLError {
  const status = statusOf('UNAUTHENTICATED');
  const headers = new Map([['www-authenticate', invalidTokenChallenge]]);
  return new GraphQLError(sentenceOf('UNAUTHENTICATED'), {
    extensions: { code: 'UNAUTHENTICATED', http: { status, headers } },
  });
}

function noSubscriptions(): GraphQLError {
  return new GraphQLError('Subscriptions are not supported.', {
    extensions: { code: 'OPERATION_RESOLUTION_FAILURE', http: { status: 400 } },
  });
}

/** @throws QueryLimitError */
export function assertWithinLimits(costInput: CostInput): void {
  const { schema, operation, variables } = costInput;
  assertVariablesWithinLimits(schema, operation, variables);
  if (cachedCost(costInput) <= limits.cost) return;
  throw new QueryLimitError('The operation is too expensive. Request fewer items or fields.');
}

const costs = new WeakMap<OperationDefinitionNode, number>();

/** Apollo caches parsed documents, so the cost of an operation without variables is cached. */
function cachedCost(costInput: CostInput): number {
  const { operation } = costInput;
  if (operation.variableDefinitions?.length) return costOf(costInput);
  const cost = costs.get(operation) ?? costOf(costInput);
  costs.set(operation, cost);
  return cost;
}
