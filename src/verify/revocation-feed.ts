/** Client of the revocation feed: server-sent events for ended sessions, and a heartbeat every second. */
import { setTimeout as sleep } from 'node:timers/promises';

/** An event of the feed. All sessions that ended recently are sent before `ready`. */
export type RevocationEvent =
  | { readonly type: 'ended'; readonly sessionId: string }
  | { readonly type: 'ready' }
  | { readonly type: 'heartbeat' };

export interface RevocationFeed {
  /** Whether an event arrived within `maxSilenceSeconds`. */
  isAlive(): boolean;
  hasEnded(sessionId: string): boolean;
  ready(): Promise<void>;
  close(): void;
}

const reconnectMilliseconds = 250;
/** No access token lives longer than fifteen minutes. */
const retentionMilliseconds = 20 * 60_000;

export function followRevocations(options: {
  readonly url: string;
  readonly key: string;
  readonly maxSilenceSeconds: number;
}): RevocationFeed {
  const closing = new AbortController();
  const endedAt = new Map<string, number>();
  const { promise: becameReady, resolve: becomeReady } = Promise.withResolvers<void>();
  /** Whether the current stream has sent `ready`. */
  let isReady = false;
  let lastEventAt = Number.NEGATIVE_INFINITY;
  const silence = options.maxSilenceSeconds * 1000;

  const onEvent = (event: RevocationEvent) => {
    const now = performance.now();
    if (event.type === 'ended') endedAt.set(event.sessionId, now);
    if (event.type === 'heartbeat') removeOld(now);
    if (event.type === 'ready') {
      isReady = true;
      becomeReady();
    }
    // Before `ready`, sessions that ended during the disconnection may be missing.
    if (isReady) lastEventAt = now;
  };

  /** A Map iterates in insertion order, so the oldest come first. */
  const removeOld = (now: number) => {
    for (const [sessionId, at] of endedAt) {
      if (now - at < retentionMilliseconds) return;
      endedAt.delete(sessionId);
    }
  };

  const listen = async () => {
    while (!closing.signal.aborted) {
      await readEvents(options, silence, onEvent, closing.signal).catch(() => undefined);
      isReady = false;
      await sleep(reconnectMilliseconds, undefined, { signal: closing.signal, ref: false }).catch(
        () => undefined,
      );
    }
  };
  void listen();

  return {
    isAlive: () => performance.now() - lastEventAt < silence,
    hasEnded: (sessionId) => endedAt.has(sessionId),
    ready: () => becameReady,
    close: () => closing.abort(),
  };
}

/** Reads until the stream ends or sends nothing for `silenceMilliseconds`. */
async function readEvents(
  { url, key }: { readonly url: string; readonly key: string },
  silenceMilliseconds: number,
  onEvent: (event: RevocationEvent) => void,
  closing: AbortSignal,
): Promise<void> {
  const silent = new AbortController();
  const timer = setTimeout(() => silent.abort(), silenceMilliseconds);
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
      signal: AbortSignal.any([closing, silent.signal]),
    });
    if (!response.ok || !response.body) throw new Error(`the feed answers ${response.status}`);
    let buffer = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      timer.refresh();
      const messages = `${buffer}${chunk}`.split('\n\n');
      buffer = messages.pop() ?? '';
      for (const message of messages) onEvent(JSON.parse(message.slice('data: '.length)));
    }
  } finally {
    clearTimeout(timer);
  }
}
