/** Client of the revocation stream: server-sent events for ended sessions, and a heartbeat every second. */
import { describeError } from './reason-log.ts';

/** An event of the stream. All sessions that ended recently are sent before `ready`. */
type RevocationEvent =
  | { readonly type: 'ended'; readonly sessionId: string }
  | { readonly type: 'ready' }
  | { readonly type: 'heartbeat' };

export interface RevocationStream {
  /** Whether an event arrived within `maxSilenceSeconds`. */
  isAlive(): boolean;
  hasEnded(sessionId: string): boolean;
  /** Why the last connection ended or was refused; undefined before the first end, and while `ready`. */
  lossReason(): string | undefined;
  ready(): Promise<void>;
  close(): void;
}

export interface StreamOptions {
  readonly url: string;
  readonly key: string;
  readonly maxSilenceSeconds: number;
  /** Called after every lost or refused connection. */
  readonly onLost: () => void;
  readonly onReady: () => void;
  /** Called with every response, before its body is read. */
  readonly onResponse: (response: Response) => void;
}

const reconnectMilliseconds = 250;
/** No access token lives longer than fifteen minutes. */
const retentionMilliseconds = 20 * 60_000;

export function followRevocations(options: StreamOptions): RevocationStream {
  const endedAt = new Map<string, number>();
  const silence = options.maxSilenceSeconds * 1000;
  let connection = new AbortController();
  let isClosed = false;
  /** Whether the current connection has sent `ready`. */
  let isReady = false;
  let lastEventAt = Number.NEGATIVE_INFINITY;
  let lossReason: string | undefined;
  let becomeReady = () => {};
  const becameReady = new Promise<void>((resolve) => {
    becomeReady = resolve;
  });

  const onEvent = (event: RevocationEvent) => {
    const now = performance.now();
    if (event.type === 'ended') endedAt.set(event.sessionId, now);
    if (event.type === 'heartbeat') removeOld(now);
    if (event.type === 'ready') {
      isReady = true;
      lossReason = undefined;
      becomeReady();
      options.onReady();
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

  const follow = async () => {
    while (!isClosed) {
      connection = new AbortController();
      lossReason = await readEvents(options, silence, onEvent, connection);
      isReady = false;
      if (isClosed) return;
      options.onLost();
      await pause(reconnectMilliseconds);
    }
  };
  void follow();

  return {
    isAlive: () => performance.now() - lastEventAt < silence,
    hasEnded: (sessionId) => endedAt.has(sessionId),
    lossReason: () => lossReason,
    ready: () => becameReady,
    close: () => {
      isClosed = true;
      connection.abort();
    },
  };
}

/** Reads until the stream ends or sends nothing for `silenceMilliseconds`. Returns the reason of the end. */
async function readEvents(
  options: StreamOptions,
  silenceMilliseconds: number,
  onEvent: (event: RevocationEvent) => void,
  connection: AbortController,
): Promise<string> {
  const { url, key } = options;
  const silent = `${url} sent nothing for ${silenceMilliseconds / 1000} s`;
  const startTimer = () => setTimeout(() => connection.abort(), silenceMilliseconds);
  let timer = startTimer();
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
      cache: 'no-store',
      signal: connection.signal,
    });
    options.onResponse(response);
    if (!response.ok || !response.body) return refusal(url, response);
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    let buffer = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return `${url} closed the connection`;
      clearTimeout(timer);
      timer = startTimer();
      const messages = (buffer + decoder.decode(value, { stream: true })).split('\n\n');
      buffer = messages.pop() ?? '';
      for (const message of messages) onEvent(JSON.parse(message.slice('data: '.length)));
    }
  } catch (error) {
    return connection.signal.aborted ? silent : `${url} cannot be read: ${describeError(error)}`;
  } finally {
    clearTimeout(timer);
    connection.abort(); // a response that is not read would keep its connection
  }
}

function refusal(url: string, { status }: Response): string {
  if (status === 401)
    return `${url} answers 401: \`revocations.key\` is not the REVOCATION_FEED_KEY of Gatehouse`;
  if (status === 404)
    return `${url} answers 404: REVOCATION_FEED_KEY is not set at Gatehouse, or \`baseUrl\` is wrong`;
  if (status === 503)
    return `${url} answers 503: Gatehouse has no free stream, or its own feed of changes is interrupted`;
  return `${url} answers ${status}`;
}

/** A pause that does not keep a process of Node.js running. */
function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    const timer: unknown = setTimeout(resolve, milliseconds);
    if (typeof timer !== 'object' || timer === null || !('unref' in timer)) return; // a browser
    if (typeof timer.unref === 'function') timer.unref();
  });
}
