/**
 * Logins that come while no more passwords can be checked are turned away before anything looks at
 * them: in a flood even a refusal has to be cheap, or those who are logged in pay for it. Which
 * documents are logins is learned from those that GraphQL has read.
 */
import type { ApolloServerPlugin } from '@apollo/server';
import type { FastifyRequest } from 'fastify';
import { type DocumentNode, Kind, type OperationDefinitionNode } from 'graphql';
import type { Context } from '../core/actor.ts';
import { Problem } from '../core/errors.ts';
import type { PasswordHasher } from '../core/password-hash/password-hasher.ts';
import { contextOf } from './context.ts';
import { noteOperation, noteRefusal } from './outcomes.ts';

export interface CrowdedLogins {
  readonly learn: ApolloServerPlugin<Context>;
  /** @throws OVERLOADED for a body that asks for a login, while there is no place for one */
  refuseKnown(request: FastifyRequest): void;
  /** @throws OVERLOADED while there is no place for a login */
  refuse(request: FastifyRequest): void;
}

const mostDocuments = 100;
const longestDocument = 2000;

export function createCrowdedLogins(hasher: Pick<PasswordHasher, 'place'>): CrowdedLogins {
  const logins = new Set<string>();

  const refuse: CrowdedLogins['refuse'] = (request) => {
    try {
      hasher.place()[Symbol.dispose]();
    } catch (error) {
      const context = contextOf(request);
      noteOperation(context, 'login');
      if (error instanceof Problem) noteRefusal(context, error.code);
      throw error;
    }
  };
  return {
    learn: {
      requestDidStart: async () => ({
        async didResolveOperation({ request: { query }, document, operation }) {
          if (query === undefined || !operation || query.length > longestDocument) return;
          if (logins.has(query) || !isLogin(document, operation)) return;
          if (logins.size >= mostDocuments) logins.clear();
          logins.add(query);
        },
      }),
    },
    refuse,
    refuseKnown(request) {
      const { query } = Object(request.body) as { query?: unknown }; // any object has keys
      if (typeof query === 'string' && logins.has(query)) refuse(request);
    },
  };
}

/** Nothing but a login, whatever the variables say. */
function isLogin(
  { definitions }: DocumentNode,
  { selectionSet }: OperationDefinitionNode,
): boolean {
  const [field, ...others] = selectionSet.selections;
  return (
    definitions.length === 1 &&
    others.length === 0 &&
    field?.kind === Kind.FIELD &&
    field.name.value === 'login' &&
    (field.directives ?? []).length === 0
  );
}
