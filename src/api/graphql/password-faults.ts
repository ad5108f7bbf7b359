/**
 * The password faults of a request's problem, kept beside the GraphQL answer: the schema has sentences
 * only, and pages translate the codes.
 */
import type { PasswordFaults } from '../../core/errors.ts';
import type { ClientInfo, RequestContext } from '../../core/request-context.ts';

/** By client: Apollo gives the resolvers a copy of the context, with the same client. */
const faultsByClient = new WeakMap<ClientInfo, PasswordFaults>();

export function setPasswordFaults({ client }: RequestContext, faults: PasswordFaults): void {
  faultsByClient.set(client, faults);
}

export function passwordFaultsOf({ client }: RequestContext): PasswordFaults {
  return faultsByClient.get(client) ?? new Map();
}
