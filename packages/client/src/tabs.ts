/**
 * Other tabs of the same origin, which have the same session cookie: one of them at a time changes the session, and a
 * login, a logout or another user is announced to the others. Tokens are never sent to another tab.
 */
import { unref } from './timing.ts';

/** `userId`: the user that a refresh found, after a login or logout on a page that has no client; null for none. */
export type TabMessage = 'login' | 'logout' | { readonly userId: string | null };

export interface Tabs {
  /** Runs one task at a time, over all tabs if the browser has Web Locks, and otherwise in this tab. */
  exclusive<T>(task: () => Promise<T>): Promise<T>;
  announce(message: TabMessage): void;
  close(): void;
}

/** @param name of the session; undefined for a session that no other tab has */
export function connectTabs(
  name: string | undefined,
  onMessage: (message: TabMessage) => void,
): Tabs {
  // Old browsers and pages without HTTPS have no locks; REFRESH_GRACE of Gatehouse then permits parallel refreshes.
  const locks = name === undefined ? undefined : globalThis.navigator?.locks;
  let channel =
    name !== undefined && 'BroadcastChannel' in globalThis ? new BroadcastChannel(name) : undefined;
  if (channel) {
    channel.onmessage = ({ data }: { data: TabMessage }) => onMessage(data);
    unref(channel);
  }
  let queue: Promise<unknown> = Promise.resolve();
  return {
    async exclusive<T>(task: () => Promise<T>): Promise<T> {
      if (name !== undefined && locks) return locks.request(name, task);
      const result = queue.then(task);
      queue = result.catch(() => {});
      return result;
    },
    announce: (message) => channel?.postMessage(message),
    close() {
      channel?.close();
      channel = undefined; // a closed channel throws at the announcement of a request that ends later
    },
  };
}
