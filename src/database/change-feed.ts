/**
 * The feed of changes: what triggers in the database announce reaches every process in
 * milliseconds. A beat over the same connection, once a second, shows that nothing is being missed;
 * without it the feed is not to be trusted, and neither is anything that was kept on its word.
 */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { DatabaseConnection } from '../config/database-url.ts';
import { withTimeout } from '../core/timeout.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { clientConfig, keepAlive } from './pool.ts';

const changesChannel = 'gatehouse_changes';
const beatMilliseconds = 1000;
/** Two beats: what was kept may be so old at most. */
const trustMilliseconds = 2 * beatMilliseconds;
/** A connection that has been silent for so long is given up for a new one. */
const silenceMilliseconds = 5 * beatMilliseconds;
const reconnectMilliseconds = 250;
/** `end` waits for a server that may never answer. */
const farewellMilliseconds = 100;
/** How long a change of ours waits for the feed before it answers with the feed distrusted. */
const settleMilliseconds = 1000;

/**
 * `user:<id>`, `session:<id>`, `grants` (groups and permissions), `signing-keys`, or `all` when
 * anything may have changed: after a bulk change, or a time in which nobody listened.
 */
export type ChangeKey = string;

export interface ChangeFeed {
  /** Resolves once the feed is listening, or at once when it cannot yet: it keeps trying. */
  start(): Promise<void>;
  stop(): Promise<void>;
  onChange(listener: (key: ChangeKey) => void): void;
  /** Whether every change that was committed two seconds ago has been heard of. */
  isTrusted(): boolean;
  /**
   * Resolves when every change committed before the call has been heard of here. When that takes
   * too long the feed is distrusted instead, which is as safe.
   */
  waitUntilDelivered(): Promise<void>;
}

interface Connection {
  readonly client: Client;
  readonly beatChannel: string;
  /** Beats that are under way: their number, when they were sent, who waits. */
  readonly beats: Map<number, { readonly sentAt: number; readonly heard: () => void }>;
  /** The statement under way; the connection takes one at a time. */
  sending: Promise<unknown>;
  /** The beat that waits for it, shared by all who ask meanwhile. */
  next: Promise<void> | undefined;
}

export function createChangeFeed(options: {
  readonly database: DatabaseConnection;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'observe' | 'read'>;
}): ChangeFeed {
  const listeners: ((key: ChangeKey) => void)[] = [];
  let connection: Connection | undefined;
  /** One that does not listen yet. */
  let opening: Connection | undefined;
  let isStarted = false;
  let beatNumber = 0;
  /** Monotonic milliseconds; a beat that was sent before this proves nothing. */
  let distrustedUntil = 0;
  let provedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  // Everything is delivered in order: no change was longer on its way than the beat behind it.
  const { metrics } = options;
  let heardAt = performance.now();
  metrics.read('changeFeedHeartbeatAge', () => [[[], (performance.now() - heardAt) / 1000]]);
  const measure = (sentAt: number) => {
    heardAt = Math.max(heardAt, sentAt);
    metrics.observe('changePropagationSeconds', (performance.now() - sentAt) / 1000);
  };

  const tell = (key: ChangeKey) => {
    for (const listener of listeners) listener(key);
  };

  const distrust = () => {
    distrustedUntil = performance.now();
    provedAt = Number.NEGATIVE_INFINITY;
  };

  const hear = (heardOn: Connection, channel: string, payload: string) => {
    if (heardOn !== connection) return;
    if (channel === changesChannel) return tell(payload);
    const beat = heardOn.beats.get(Number(payload));
    heardOn.beats.delete(Number(payload));
    if (beat && beat.sentAt >= distrustedUntil) provedAt = Math.max(provedAt, beat.sentAt);
    if (beat) measure(beat.sentAt);
    beat?.heard();
  };

  const send = (on: Connection): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    beatNumber += 1;
    on.beats.set(beatNumber, { sentAt: performance.now(), heard: resolve });
    on.sending = on.client
      .query('select pg_notify($1, $2)', [on.beatChannel, String(beatNumber)])
      .catch(() => lose(on));
    return promise;
  };

  /** Resolves when a beat sent after the call was heard: the database orders it behind all changes. */
  const beat = (on: Connection): Promise<void> => {
    on.next ??= on.sending.then(() => {
      on.next = undefined;
      return send(on);
    });
    return on.next;
  };

  const connect = async (): Promise<void> => {
    const client = new Client({
      ...clientConfig(options.database, 'changes'),
      ...keepAlive,
      connectionTimeoutMillis: silenceMilliseconds,
      query_timeout: silenceMilliseconds,
    });
    const beatChannel = `gatehouse_beat_${randomBytes(8).toString('hex')}`;
    const opened: Connection = {
      client,
      beatChannel,
      beats: new Map(),
      sending: Promise.resolve(),
      next: undefined,
    };
    opening = opened;
    client.on('error', () => lose(opened));
    client.on('end', () => lose(opened));
    client.on('notification', ({ channel, payload }) => hear(opened, channel, payload ?? ''));
    try {
      await client.connect();
      await client.query(`listen ${changesChannel}`);
      await client.query(`listen ${beatChannel}`);
      opening = undefined;
      connection = opened;
      // Whatever happened while nobody listened is unknown.
      tell('all');
      void beat(opened);
    } catch (error) {
      if (!isStarted) return;
      options.log.warn(
        { err: error, component: 'change-feed' },
        'change feed cannot connect, retrying',
      );
      void close(opened);
      retry();
    }
  };

  const retry = () => {
    if (isStarted) setTimeout(() => isStarted && void connect(), reconnectMilliseconds).unref();
  };

  const lose = (lost: Connection) => {
    if (lost !== connection) return;
    connection = undefined;
    distrust();
    void close(lost);
    if (!isStarted) return;
    options.log.warn({ component: 'change-feed' }, 'change feed connection lost, reconnecting');
    retry();
  };

  const tick = () => {
    if (!connection) return;
    const silentSince = Math.min(
      ...[...connection.beats.values()].map(({ sentAt }) => sentAt),
      Number.POSITIVE_INFINITY,
    );
    if (performance.now() - silentSince > silenceMilliseconds) lose(connection);
    else void beat(connection);
  };

  return {
    async start() {
      isStarted = true;
      timer = setInterval(tick, beatMilliseconds);
      timer.unref();
      await connect();
    },
    async stop() {
      isStarted = false;
      clearInterval(timer);
      const left = [connection, opening].filter((it) => it !== undefined);
      connection = undefined;
      opening = undefined;
      await Promise.all(left.map(close));
    },
    onChange: (listener) => void listeners.push(listener),
    isTrusted: () => connection !== undefined && performance.now() - provedAt < trustMilliseconds,
    async waitUntilDelivered() {
      if (!connection) return;
      const heard = beat(connection).then(() => true);
      if (!(await withTimeout(settleMilliseconds, heard, false))) distrust();
    },
  };
}

/** Waits a moment for the other side, which may be gone or frozen. */
async function close({ client, beats }: Connection): Promise<void> {
  for (const { heard } of beats.values()) heard();
  client.removeAllListeners('end');
  const patience = setTimeout(() => client.connection.stream.destroy(), farewellMilliseconds);
  await client.end().catch(() => undefined);
  clearTimeout(patience);
}
