/** Follows the service's feed of ended sessions: server-sent events, a beat a second. */
import { setTimeout as sleep } from 'node:timers/promises';

/** One event of the feed. After `ready` everything that ended lately has been told. */
export type RevocationEvent =
  | { readonly type: 'ended'; readonly sessionId: string }
  | { readonly type: 'ready' }
  | { readonly type: 'beat' };

export interface RevocationFeed {
  /** Whether it has been heard of within the silence that is borne. */
  isAlive(): boolean;
  hasEnded(sessionId: string): boolean;
  ready(): Promise<void>;
  close(): void;
}

const reconnectMilliseconds = 250;
/** No access token lives longer than fifteen minutes. */
const rememberedMilliseconds = 20 * 60_000;

export function followRevocations(options: {
  readonly url: string;
  readonly key: string;
  readonly maxSilenceSeconds: number;
}): RevocationFeed {
  const closing = new AbortController();
  const endedAt = new Map<string, number>();
  const { promise: becameReady, resolve: becomeReady } = Promise.withResolvers<void>();
  /** Whether the present stream has told everything. */
  let isReady = false;
  let heardAt = Number.NEGATIVE_INFINITY;
  const silence = options.maxSilenceSeconds * 1000;

  const hear = (event: RevocationEvent) => {
    const now = performance.now();
    if (event.type === 'ended') endedAt.set(event.sessionId, now);
    if (event.type === 'beat') forgetOld(now);
    if (event.type === 'ready') {
      isReady = true;
      becomeReady();
    }
    // Until `ready` something that ended while nobody listened may be missing still.
    if (isReady) heardAt = now;
  };

  /** Insertion order is the order of time. */
  const forgetOld = (now: number) => {
    for (const [sessionId, at] of endedAt) {
      if (now - at < rememberedMilliseconds) return;
      endedAt.delete(sessionId);
    }
  };

  const listen = async () => {
    while (!closing.signal.aborted) {
      await readEvents(options, silence, hear, closing.signal).catch(() => undefined);
      isReady = false;
      await sleep(reconnectMilliseconds, undefined, { signal: closing.signal, ref: false }).catch(
        () => undefined,
      );
    }
  };
  void listen();

  return {
    isAlive: () => performance.now() - heardAt < silence,
    hasEnded: (sessionId) => endedAt.has(sessionId),
    ready: () => becameReady,
    close: () => closing.abort(),
  };
}

/** Reads until the stream ends or is silent for too long. */
async function readEvents(
  { url, key }: { readonly url: string; readonly key: string },
  silenceMilliseconds: number,
  hear: (event: RevocationEvent) => void,
  closing: AbortSignal,
): Promise<void> {
  const silent = new AbortController();
  const patience = setTimeout(() => silent.abort(), silenceMilliseconds);
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
      signal: AbortSignal.any([closing, silent.signal]),
    });
    if (!response.ok || !response.body) throw new Error(`the feed answers ${response.status}`);
    let rest = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      patience.refresh();
      const parts = `${rest}${chunk}`.split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) hear(JSON.parse(part.slice('data: '.length)));
    }
  } finally {
    clearTimeout(patience);
  }
}
