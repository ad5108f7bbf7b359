/** A link of Apollo Client 4 that sends operations with the access token of the session. */
import { ApolloLink, Observable } from '@apollo/client';
import type { Client } from './client.ts';
import { isUnauthenticated } from './refusal.ts';

/**
 * Put it before the `HttpLink`. An operation that is refused with UNAUTHENTICATED is sent once more with a new token.
 * It adds the token to the operations of every link after it: use it for services that may have the token only.
 */
export function createAuthLink(client: Pick<Client, 'getAccessToken'>): ApolloLink {
  return new ApolloLink(
    (operation, forward) =>
      new Observable<ApolloLink.Result>((observer) => {
        const abortion = new AbortController();
        const { signal } = abortion;

        const send = async (refused?: string) => {
          const token = await client.getAccessToken({ refused, signal });
          if (signal.aborted) return;
          if (token !== null) {
            const { headers } = operation.getContext();
            operation.setContext({ headers: { ...headers, authorization: `Bearer ${token}` } });
          }
          /** Whether the token is refused for the first time. */
          const isRefused = (fault: unknown) =>
            token !== null && refused === undefined && isUnauthenticated(fault);
          let isRepeated = false;
          const repeat = () => {
            isRepeated = true;
            sendOrFail(token ?? undefined);
          };
          const subscription = forward(operation).subscribe({
            next: (result) => (isRefused(result) ? repeat() : observer.next(result)),
            error: (error) => (isRefused(error) ? repeat() : observer.error(error)),
            complete: () => {
              if (!isRepeated) observer.complete();
            },
          });
          signal.addEventListener('abort', () => subscription.unsubscribe());
        };
        const sendOrFail = (refused?: string) => {
          send(refused).catch((error: unknown) => {
            if (!signal.aborted) observer.error(error);
          });
        };

        sendOrFail();
        return () => abortion.abort();
      }),
  );
}
