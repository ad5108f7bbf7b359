/** What a request asked for and what it was answered, noted on the way for the metrics. */
import type { GraphQLFormattedError } from 'graphql';
import type { Client, Context } from '../core/actor.ts';
import { isProblemCode, type ProblemCode } from '../core/errors.ts';

export interface Outcome {
  /** Which field of the schema; `several` when there is more than one. */
  operation?: string;
  /** The first refusal. */
  refusal?: ProblemCode | 'BAD_REQUEST';
}

const outcome = Symbol('outcome');

/** Noted at the client of the context: Apollo hands a copy of the context itself to the resolvers. */
interface Noting extends Client {
  [outcome]?: Outcome;
}

export function noteOperation(context: Context, operation: string): void {
  noted(context).operation = operation;
}

export function noteRefusal(context: Context, code: NonNullable<Outcome['refusal']>): void {
  noted(context).refusal ??= code;
}

/** The same for the first of an answer's errors, as its caller sees it. */
export function noteError(context: Context, error: GraphQLFormattedError | undefined): void {
  if (!error) return;
  const code = error.extensions?.code;
  noteRefusal(context, isProblemCode(code) ? code : 'BAD_REQUEST');
}

export function outcomeOf(context: Context | null): Outcome {
  return (context?.client as Noting | undefined)?.[outcome] ?? {};
}

function noted(context: Context): Outcome {
  const client: Noting = context.client;
  client[outcome] ??= {};
  return client[outcome];
}
