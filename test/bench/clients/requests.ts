/**
 * The requests of the benchmark: those that real clients sent (`recorded.json`), with the values of a user. A measured
 * service and its limit get the same bytes.
 */
import { readFileSync } from 'node:fs';

export interface ClientRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type Operation = 'me' | 'login' | 'refreshTokens' | 'register';

/** GraphQL clients; `bare` is not recorded: it has the fewest headers and only a document. */
export const clients = [
  'apollo-client',
  'urql',
  'graphql-request',
  'fetch',
  'curl',
  'bare',
] as const;
export type ClientName = (typeof clients)[number];

type RecordedName = Exclude<ClientName, 'bare'>;

type Requests<Name extends string> = Readonly<Record<Name, ClientRequest>>;

export interface Recording extends Readonly<Record<RecordedName, Requests<Operation>>> {
  readonly 'better-auth': Requests<'getSession' | 'signIn'>;
}

export const recordingFile = new URL('./recorded.json', import.meta.url);
export const recorded = JSON.parse(readFileSync(recordingFile, 'utf8')) as Recording; // written by record.js

/** The placeholders of a recording and their values. */
export type Values = Readonly<
  Partial<Record<'ACCESS_TOKEN' | 'REFRESH_TOKEN' | 'EMAIL' | 'PASSWORD' | 'COOKIE', string>>
>;

/** An operation as the client sends it. */
export function requestOf(client: ClientName, operation: Operation, values: Values): ClientRequest {
  const request = client === 'bare' ? bare(recorded.curl[operation]) : recorded[client][operation];
  return withValues(request, values);
}

/** The most frequent client: the subject of every measurement that does not compare clients. */
export const usual = 'apollo-client' satisfies ClientName;

/** A document that is not recorded, with the headers and the body of Apollo Client. It adds no `__typename`. */
export function apolloClientRequest(
  document: string,
  variables: object,
  accessToken: string,
): ClientRequest {
  const request = withValues(recorded[usual].me, { ACCESS_TOKEN: accessToken });
  const body = JSON.parse(request.body ?? '') as object; // recorded from Apollo Client
  const operationName = /(?:query|mutation) (\w+)/.exec(document)?.[1];
  return {
    ...request,
    body: JSON.stringify({ ...body, operationName, variables, query: document }),
  };
}

/** Adds the header of a reverse proxy. The network is one of 16 million. */
export function fromNetwork(request: ClientRequest, network: number): ClientRequest {
  const address = `10.${(network >> 16) & 255}.${(network >> 8) & 255}.${network & 255}`;
  return { ...request, headers: { ...request.headers, 'X-Forwarded-For': address } };
}

/** Replaces the placeholders of a recording. */
export function withValues(request: ClientRequest, values: Values): ClientRequest {
  const fill = (text: string) =>
    text.replace(/\b(?:ACCESS_TOKEN|REFRESH_TOKEN|EMAIL|PASSWORD|COOKIE)\b/g, (name) => {
      return values[name as keyof Values] ?? name; // one of the names in the expression
    });
  const headers = Object.entries(request.headers).map(([name, value]) => [name, fill(value)]);
  return {
    ...request,
    headers: Object.fromEntries(headers),
    ...(request.body === undefined ? {} : { body: fill(request.body) }),
  };
}

/** A request with only a document: the request of the earlier measurements. */
function bare({ method, path, headers, body = '' }: ClientRequest): ClientRequest {
  const kept = Object.entries(headers).filter(([name]) =>
    ['content-type', 'authorization'].includes(name),
  );
  const query = (JSON.parse(body) as { query: string }).query; // recorded from curl
  const document = query.replace(/^query \w+ /, '');
  const variables = (JSON.parse(body) as { variables?: object }).variables;
  return {
    method,
    path,
    headers: Object.fromEntries(kept),
    body: JSON.stringify({ query: document, ...(variables ? { variables } : {}) }),
  };
}
