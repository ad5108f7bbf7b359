/** Recognizes the refusal of an access token in the results and errors of GraphQL clients. */

interface Fault {
  readonly errors?: readonly GraphqlError[] | undefined;
  /** HTTP status of an error of Apollo Client. */
  readonly statusCode?: number | undefined;
}

interface GraphqlError {
  readonly extensions?: { readonly code?: unknown } | undefined;
}

/** Whether a result or an error has the code UNAUTHENTICATED or the status 401. */
export function isUnauthenticated(fault: unknown): boolean {
  if (typeof fault !== 'object' || fault === null) return false;
  const { errors = [], statusCode }: Fault = fault;
  return (
    statusCode === 401 || errors.some(({ extensions }) => extensions?.code === 'UNAUTHENTICATED')
  );
}
