/** Mistakes of ours: into the log with the id of the request, and never more than a few into an answer. */
import type { ApolloServerPlugin } from '@apollo/server';
import type { GraphQLError } from 'graphql';
import type { Context } from '../core/actor.ts';
import { currentContext } from '../core/ambient.ts';
import type { Log } from '../core/log.ts';
import { isUnexpected } from './graphql-errors.ts';
import { fewOf } from './graphql-limits.ts';

/** Writes what nobody expected to the log; the answer has the id to find it by. */
export function reportUnexpected(log: Log): ApolloServerPlugin<Context> {
  const report = (error: Error, path?: GraphQLError['path']) => {
    const requestId = currentContext()?.client.requestId;
    log.error({ err: error, path, requestId }, 'unexpected error');
  };
  return {
    contextCreationDidFail: async ({ error }) => report(error),
    unexpectedErrorProcessingRequest: async ({ error }) => report(error),
    requestDidStart: async () => ({
      async didEncounterErrors({ errors }) {
        for (const error of errors.filter(isUnexpected)) {
          report(error.originalError ?? error, error.path);
        }
      },
    }),
  };
}

export const listFewErrors: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async willSendResponse({ response: { body } }) {
      if (body.kind !== 'single' || !body.singleResult.errors) return;
      body.singleResult.errors = fewOf(body.singleResult.errors);
    },
  }),
};
