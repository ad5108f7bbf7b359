/**
 * Statuses as GraphQL over HTTP has them: who accepts `application/json` and nothing newer takes any
 * status but 200 for a fault of the network, and gets a refused document as an answer. Refusals for
 * size are 400 for everybody.
 */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import type { Context } from '../core/actor.ts';
import { isOverLimit } from './graphql-limits.ts';

/** What a document, or the values for its variables, can have wrong. */
const codesOfDocuments: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);

const listener: GraphQLRequestListener<Context> = {
  async willSendResponse({ request, response, errors = [] }) {
    const { http, body } = response;
    if (http.status !== 400 || body.kind !== 'single' || 'data' in body.singleResult) return;
    if (!isLegacy(request.http?.headers.get('accept'))) return;
    const isAnswer = errors.every(
      (error) => codesOfDocuments.has(error.extensions.code) && !isOverLimit(error),
    );
    if (isAnswer) http.status = 200;
  },
};
const listening = Promise.resolve(listener);

export const statusesByAccept: ApolloServerPlugin<Context> = { requestDidStart: () => listening };

/** Whether `application/json` is all that is accepted, said in so many words. */
function isLegacy(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((type) => type.split(';')[0]?.trim().toLowerCase());
  return types.every((type) => type === 'application/json');
}
