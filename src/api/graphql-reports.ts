/** Mistakes of ours: into the log with the id of the request, and never more than a few into an answer. */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import type { GraphQLError } from 'graphql';
import type { Context } from '../core/actor.ts';
import { currentContext } from '../core/ambient.ts';
import type { Log } from '../core/log.ts';
import { isUnexpected } from './graphql-errors.ts';
import { fewOf } from './graphql-limits.ts';

/** Writes what nobody expected to the log, by an id that the answer has; lists a few errors. */
export function reportErrors(log: Log): ApolloServerPlugin<Context> {
  const report = (error: Error, path?: GraphQLError['path']) => {
    const requestId = currentContext()?.client.requestId;
    log.error({ err: error, path, requestId }, 'unexpected error');
  };
  const listener: GraphQLRequestListener<Context> = {
    async didEncounterErrors({ errors }) {
      for (const error of errors.filter(isUnexpected)) {
        report(error.originalError ?? error, error.path);
      }
    },
    async willSendResponse({ response: { body } }) {
      if (body.kind !== 'single' || !body.singleResult.errors) return;
      body.singleResult.errors = fewOf(body.singleResult.errors);
    },
  };
  const listening = Promise.resolve(listener);
  return {
    contextCreationDidFail: async ({ error }) => report(error),
    unexpectedErrorProcessingRequest: async ({ error }) => report(error),
    requestDidStart: () => listening,
  };
}
