/** An exchange of urql 6 that sends operations with the access token of the session. */
import {
  type Exchange,
  makeErrorResult,
  makeOperation,
  type Operation,
  type OperationResult,
} from '@urql/core';
import { filter, fromPromise, makeSubject, merge, mergeMap, pipe, share, takeUntil } from 'wonka';
import type { Client } from './client.ts';
import { isUnauthenticated } from './refusal.ts';

/** In the context of an operation: the token that it was sent with, and whether it was sent with another one before. */
interface Attempt {
  readonly token: string | null;
  readonly isLast: boolean;
}

/**
 * Put it before the `fetchExchange` and after the `cacheExchange`. An operation that is refused with UNAUTHENTICATED is
 * sent once more with a new token. The token goes to the `url` of the urql client.
 */
export function authExchange(client: Pick<Client, 'getAccessToken'>): Exchange {
  return ({ forward }) =>
    (operations) => {
      const repeated = makeSubject<Operation>();
      const failed = makeSubject<OperationResult>();
      const shared = share(operations);
      const isTeardown = ({ kind }: Operation) => kind === 'teardown';

      /** Completes without an operation if there is no token because of an error, which is then the result. */
      const authorize = async (operation: Operation): Promise<Operation> => {
        const refused = attemptOf(operation)?.token ?? undefined;
        try {
          const token = await client.getAccessToken({ refused });
          return withToken(operation, { token, isLast: refused !== undefined });
        } catch (error) {
          failed.next(makeErrorResult(operation, error as Error)); // as: the client throws errors
          return new Promise(() => {});
        }
      };
      const authorizeUntilTeardown = (operation: Operation) =>
        pipe(
          fromPromise(authorize(operation)),
          takeUntil(
            pipe(
              shared,
              filter((other) => isTeardown(other) && isSame(other, operation)),
            ),
          ),
        );

      const isFinal = ({ operation, error }: OperationResult): boolean => {
        const attempt = attemptOf(operation);
        if (!attempt || attempt.token === null || attempt.isLast) return true;
        const statusCode = error?.response?.status;
        if (!isUnauthenticated({ errors: error?.graphQLErrors, statusCode })) return true;
        repeated.next(operation);
        return false;
      };

      const starts = pipe(
        shared,
        filter((operation) => !isTeardown(operation)),
      );
      const ends = pipe(shared, filter(isTeardown));
      const authorized = pipe(merge([starts, repeated.source]), mergeMap(authorizeUntilTeardown));
      const results = pipe(merge([authorized, ends]), forward, filter(isFinal));
      return merge([results, failed.source]);
    };
}

function attemptOf({ context }: Operation): Attempt | undefined {
  return context.gatehouse as Attempt | undefined; // as: the exchange has written it
}

function withToken(operation: Operation, attempt: Attempt): Operation {
  const { fetchOptions } = operation.context;
  const options = typeof fetchOptions === 'function' ? fetchOptions() : (fetchOptions ?? {});
  const headers = new Headers(options.headers);
  if (attempt.token !== null) headers.set('authorization', `Bearer ${attempt.token}`);
  return makeOperation(operation.kind, operation, {
    ...operation.context,
    gatehouse: attempt,
    fetchOptions: { ...options, headers: Object.fromEntries(headers) },
  });
}

/** Mutations with the same variables have the same key, and another instance. */
function isSame(one: Operation, other: Operation): boolean {
  return one.key === other.key && one.context._instance === other.context._instance;
}
