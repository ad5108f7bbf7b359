/**
 * The change feed: every process receives the notifications that triggers send for changed rows, within
 * milliseconds. A heartbeat over the same connection, once a second, shows that no notification is missing.
 * Without it caches must not be used.
 */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import type { DatabaseConnection } from '../config/database-url.ts';
import { withTimeout } from '../core/timeout.ts';
import type { Log } from '../observability/log.ts';
import { type Metrics, readGauge } from '../observability/metrics.ts';
import { clientConfig, keepAlive } from './pool.ts';

const changesChannel = 'gatehouse_changes';
/** For the transaction that stores hashes of other systems. No trigger sends it, because a login needs none. */
export const announceForeignHashes = `select pg_notify('${changesChannel}', 'foreign-hashes')`;
const heartbeatMilliseconds = 1000;
/** Two heartbeats: the greatest age of a cached value. */
const trustMilliseconds = 2 * heartbeatMilliseconds;
/** A connection without an answer for this long is replaced. */
const silenceMilliseconds = 5 * heartbeatMilliseconds;
const reconnectMilliseconds = 250;
/** `client.end` waits for the server, which may be frozen. */
const closeMilliseconds = 100;
/** How long a committed change waits for its delivery, before the feed is invalidated instead. */
const deliveryMilliseconds = 1000;

/**
 * `user:<id>`, `service-account:<id>`, `session:<id>`, `api-key:<id>`, `grants` (groups and permissions), `signing-keys`,
 * `foreign-hashes` (new password hashes of other systems), or `all` after a bulk change or a
 * lost connection, when anything may have changed.
 */
export type ChangeKey = string;

export interface ChangeFeed {
  /**
   * Resolves when the feed is trusted, or cannot connect, or has no answer to its first heartbeat for a second; it
   * continues to try.
   */
  start(): Promise<void>;
  stop(): Promise<void>;
  onChange(listener: (key: ChangeKey) => void): void;
  /** Whether every change that was committed two seconds ago has been delivered. */
  isTrusted(): boolean;
  /**
   * Resolves when every change that was committed before the call has been delivered to this process. After a
   * second it invalidates the feed instead, which is as safe.
   */
  waitUntilDelivered(): Promise<void>;
}

interface Heartbeat {
  /** Monotonic milliseconds. */
  readonly sentAt: number;
  readonly delivered: () => void;
}

interface Connection {
  readonly client: Client;
  readonly heartbeatChannel: string;
  /** Heartbeats that were sent and not received yet, by number. */
  readonly heartbeats: Map<number, Heartbeat>;
  /** The statement that sends a heartbeat; the connection executes one at a time. */
  sending: Promise<unknown>;
  /** The heartbeat that waits for `sending`, shared by all callers. */
  next: Promise<void> | undefined;
}

export function createChangeFeed(options: {
  readonly database: DatabaseConnection;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'changeFeedHeartbeatAge' | 'changePropagationSeconds'>;
}): ChangeFeed {
  const { log, metrics } = options;
  const listeners: ((key: ChangeKey) => void)[] = [];
  let connection: Connection | undefined;
  /** A connection that does not listen yet. */
  let connecting: Connection | undefined;
  let isStarted = false;
  let heartbeatNumber = 0;
  /** Monotonic milliseconds. Heartbeats that were sent earlier do not count. */
  let invalidatedAt = 0;
  /** The time at which the last received heartbeat was sent. */
  let confirmedAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  let heartbeatSentAt = performance.now();
  readGauge(metrics.changeFeedHeartbeatAge, () => [
    [{}, (performance.now() - heartbeatSentAt) / 1000],
  ]);
  // PostgreSQL delivers in order: no change took longer than the heartbeat that follows it.
  const measure = (sentAt: number) => {
    heartbeatSentAt = Math.max(heartbeatSentAt, sentAt);
    metrics.changePropagationSeconds.observe((performance.now() - sentAt) / 1000);
  };

  const publish = (key: ChangeKey) => {
    for (const listener of listeners) listener(key);
  };

  const invalidate = () => {
    invalidatedAt = performance.now();
    confirmedAt = Number.NEGATIVE_INFINITY;
  };

  const receive = (from: Connection, channel: string, payload: string) => {
    if (from !== connection) return;
    if (channel === changesChannel) return publish(payload);
    const heartbeat = from.heartbeats.get(Number(payload));
    if (!heartbeat) return;
    from.heartbeats.delete(Number(payload));
    if (heartbeat.sentAt >= invalidatedAt) confirmedAt = Math.max(confirmedAt, heartbeat.sentAt);
    measure(heartbeat.sentAt);
    heartbeat.delivered();
  };

  const sendNow = (on: Connection): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    heartbeatNumber += 1;
    on.heartbeats.set(heartbeatNumber, { sentAt: performance.now(), delivered: resolve });
    on.sending = on.client
      .query('select pg_notify($1, $2)', [on.heartbeatChannel, String(heartbeatNumber)])
      .catch(() => onLost(on));
    return promise;
  };

  /** Resolves when a heartbeat that was sent after the call is received: all earlier changes precede it. */
  const sendHeartbeat = (on: Connection): Promise<void> => {
    on.next ??= on.sending.then(() => {
      on.next = undefined;
      return sendNow(on);
    });
    return on.next;
  };

  const listen = async ({ client, heartbeatChannel }: Connection): Promise<void> => {
    await client.connect();
    await client.query(`listen ${changesChannel}`);
    await client.query(`listen ${heartbeatChannel}`);
  };

  const connect = async (): Promise<void> => {
    const opened = createConnection(options.database);
    connecting = opened;
    opened.client.on('error', () => onLost(opened));
    opened.client.on('end', () => onLost(opened));
    opened.client.on('notification', ({ channel, payload }) =>
      receive(opened, channel, payload ?? ''),
    );
    try {
      await listen(opened);
      connecting = undefined;
      connection = opened;
      publish('all'); // changes before now were not delivered
      await withTimeout(deliveryMilliseconds, sendHeartbeat(opened), undefined);
    } catch (error) {
      if (!isStarted) return;
      log.warn({ err: error, component: 'change-feed' }, 'change feed cannot connect, retrying');
      void close(opened);
      connectLater();
    }
  };

  const connectLater = () => {
    if (isStarted) setTimeout(() => isStarted && void connect(), reconnectMilliseconds).unref();
  };

  const onLost = (lost: Connection) => {
    if (lost !== connection) return;
    connection = undefined;
    invalidate();
    void close(lost);
    if (!isStarted) return;
    log.warn({ component: 'change-feed' }, 'change feed connection lost, reconnecting');
    connectLater();
  };

  const onTimer = () => {
    if (!connection) return;
    const sentAt = [...connection.heartbeats.values()].map((heartbeat) => heartbeat.sentAt);
    const oldest = Math.min(...sentAt, Number.POSITIVE_INFINITY);
    if (performance.now() - oldest > silenceMilliseconds) onLost(connection);
    else void sendHeartbeat(connection);
  };

  return {
    async start() {
      isStarted = true;
      timer = setInterval(onTimer, heartbeatMilliseconds);
      timer.unref();
      await connect();
    },
    async stop() {
      isStarted = false;
      clearInterval(timer);
      const open = [connection, connecting].filter((it) => it !== undefined);
      connection = undefined;
      connecting = undefined;
      await Promise.all(open.map(close));
    },
    onChange: (listener) => void listeners.push(listener),
    isTrusted: () =>
      connection !== undefined && performance.now() - confirmedAt < trustMilliseconds,
    async waitUntilDelivered() {
      if (!connection) return;
      const delivered = sendHeartbeat(connection).then(() => true);
      if (!(await withTimeout(deliveryMilliseconds, delivered, false))) invalidate();
    },
  };
}

function createConnection(database: DatabaseConnection): Connection {
  const client = new Client({
    ...clientConfig(database, 'change-feed'),
    ...keepAlive,
    connectionTimeoutMillis: silenceMilliseconds,
    query_timeout: silenceMilliseconds,
  });
  const heartbeatChannel = `gatehouse_heartbeat_${randomBytes(8).toString('hex')}`;
  const sending = Promise.resolve();
  return { client, heartbeatChannel, heartbeats: new Map(), sending, next: undefined };
}

/** Closes the socket when the server does not answer. */
async function close({ client, heartbeats }: Connection): Promise<void> {
  for (const { delivered } of heartbeats.values()) delivered();
  client.removeAllListeners('end');
  const timer = setTimeout(() => client.connection.stream.destroy(), closeMilliseconds);
  await client.end().catch(() => undefined);
  clearTimeout(timer);
}
