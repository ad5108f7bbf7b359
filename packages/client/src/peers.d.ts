/**
 * The parts of the optional peers that the link and the exchange use. The workspace does not install these packages;
 * `test/ecosystem/browser-clients.test.ts` compiles the sources with the types of the real ones.
 */
declare module '@apollo/client' {
  export interface Subscription {
    unsubscribe(): void;
  }
  export interface Observer<T> {
    next(value: T): void;
    error(error: unknown): void;
    complete(): void;
  }
  export class Observable<T> {
    constructor(subscribe: (observer: Observer<T>) => () => void);
    subscribe(observer: Observer<T>): Subscription;
  }
  interface GraphqlError {
    readonly extensions?: Record<string, unknown> | undefined;
  }
  export class ApolloLink {
    constructor(
      request: (
        operation: ApolloLink.Operation,
        forward: (operation: ApolloLink.Operation) => Observable<ApolloLink.Result>,
      ) => Observable<ApolloLink.Result>,
    );
  }
  export namespace ApolloLink {
    interface Result {
      readonly errors?: readonly GraphqlError[] | undefined;
    }
    interface Operation {
      getContext(): { readonly headers?: Record<string, string> };
      setContext(context: { readonly headers: Record<string, string> }): void;
    }
  }
}

declare module 'wonka' {
  export type Source<T> = (sink: (signal: { readonly value?: T }) => void) => void;
  export type Change<A, B> = (source: Source<A>) => Source<B>;
  export interface Subject<T> {
    readonly source: Source<T>;
    next(value: T): void;
  }
  export function filter<T>(predicate: (value: T) => boolean): Change<T, T>;
  export function fromPromise<T>(promise: Promise<T>): Source<T>;
  export function makeSubject<T>(): Subject<T>;
  export function merge<T>(sources: Source<T>[]): Source<T>;
  export function mergeMap<A, B>(map: (value: A) => Source<B>): Change<A, B>;
  export function share<T>(source: Source<T>): Source<T>;
  export function takeUntil<T>(notifier: Source<unknown>): Change<T, T>;
  export function pipe<A, B>(source: Source<A>, first: (source: Source<A>) => B): B;
  export function pipe<A, B, C>(
    source: Source<A>,
    first: Change<A, B>,
    second: (source: Source<B>) => C,
  ): C;
  export function pipe<A, B, C, D>(
    source: Source<A>,
    first: Change<A, B>,
    second: Change<B, C>,
    third: (source: Source<C>) => D,
  ): D;
}

declare module '@urql/core' {
  import type { Source } from 'wonka';

  export interface OperationContext {
    readonly fetchOptions?: RequestInit | (() => RequestInit) | undefined;
    readonly [key: string]: unknown;
  }
  export interface Operation {
    readonly key: number;
    readonly kind: 'query' | 'mutation' | 'subscription' | 'teardown';
    readonly context: OperationContext;
  }
  export interface CombinedError {
    readonly graphQLErrors: readonly {
      readonly extensions?: Record<string, unknown> | undefined;
    }[];
    readonly response?: { readonly status?: number };
  }
  export interface OperationResult {
    readonly operation: Operation;
    readonly error?: CombinedError | undefined;
  }
  export type ExchangeIO = (operations: Source<Operation>) => Source<OperationResult>;
  export type Exchange = (input: { readonly forward: ExchangeIO }) => ExchangeIO;
  export function makeErrorResult(operation: Operation, error: Error): OperationResult;
  export function makeOperation(
    kind: Operation['kind'],
    operation: Operation,
    context: OperationContext,
  ): Operation;
}
