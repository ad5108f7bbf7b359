/**
 * The EntityManager of the request, job or command at hand: a fork with an identity map of its own,
 * made when somebody first asks for it. Most requests know their caller already and never do.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { EntityManager } from '@mikro-orm/postgresql';

interface Fork {
  readonly of: EntityManager;
  made?: EntityManager;
  /** A fork in the making asks for the one at hand itself. */
  isMaking?: true;
}

const storage = new AsyncLocalStorage<Fork>();

/** Runs `work`, and all that it starts, with a fork of `em` of its own. */
export function withFork<Result>(em: EntityManager, work: () => Result): Result {
  return storage.run({ of: em }, work);
}

/** The fork at hand, for MikroORM's option `context`; none outside of `withFork`. */
export function currentFork(): EntityManager | undefined {
  const fork = storage.getStore();
  if (!fork || fork.made || fork.isMaking) return fork?.made;
  fork.isMaking = true;
  fork.made = fork.of.fork({ useContext: true, disableContextResolution: true });
  return fork.made;
}
