/** Mistakes of ours: into the log with the id of the request, and never more than a few into an answer. */
import type { ApolloServerPlugin, GraphQLRequestListener } from '@apollo/server';
import type { GraphQLError } from 'graphql';
import type { Context } from '../core/actor.ts';
import { currentContext } from '../core/ambient.ts';
import type { Log } from '../core/log.ts';
import { isUnexpected } from './graphql-errors.ts';
import { fewOf } from './graphql-limits.ts';

/** Writes those of an answer's errors that nobody expected to the log, by an id that the answer has. */
export type ReportErrors = (errors: readonly GraphQLError[]) => void;

export function reportingTo(log: Log): ReportErrors {
  return (errors) => {
    for (const error of errors.filter(isUnexpected)) {
      report(log, error.originalError ?? error, error.path);
    }
  };
}

/** The same for what Apollo answers, which lists a few errors at most. */
export function reportErrors(log: Log): ApolloServerPlugin<Context> {
  const reportAll = reportingTo(log);
  const listener: GraphQLRequestListener<Context> = {
    didEncounterErrors: async ({ errors }) => reportAll(errors),
    async willSendResponse({ response: { body } }) {
      if (body.kind !== 'single' || !body.singleResult.errors) return;
      body.singleResult.errors = fewOf(body.singleResult.errors);
    },
  };
  const listening = Promise.resolve(listener);
  return {
    contextCreationDidFail: async ({ error }) => report(log, error),
    unexpectedErrorProcessingRequest: async ({ error }) => report(log, error),
    requestDidStart: () => listening,
  };
}

function report(log: Log, error: Error, path?: GraphQLError['path']): void {
  const requestId = currentContext()?.client.requestId;
  log.error({ err: error, path, requestId }, 'unexpected error');
}
