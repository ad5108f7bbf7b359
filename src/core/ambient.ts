/** Who is asking, known to whatever happens on their behalf: set at the edges, read by the record. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Context } from './actor.ts';

const storage = new AsyncLocalStorage<Context>();

/** Runs `work`, and all that it starts, on behalf of `context`. */
export function onBehalfOf<Result>(context: Context, work: () => Result): Result {
  return storage.run(context, work);
}

/** The context of whoever is asking; none in a job of our own. */
export function currentContext(): Context | undefined {
  return storage.getStore();
}
