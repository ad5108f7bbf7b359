/**
 * `/revocations`: server-sent events about ended sessions and invalid API keys, for services that verify tokens themselves and
 * have REVOCATION_FEED_KEY. The heartbeats stop while this process might miss changes.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Problem } from '../../core/errors.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { ChangeFeed, ChangeKey } from '../../database/change-feed.ts';
import type { Sessions } from '../../features/sessions/sessions.ts';
import type { Log } from '../../observability/log.ts';
import { requireKey } from '../http/access-control.ts';
import { EventStream } from './event-stream.ts';

/** An event of the stream. The sessions that ended recently are sent before `ready`. */
type RevocationEvent =
  | { readonly type: 'ended'; readonly sessionId: string }
  | { readonly type: 'ready' }
  | { readonly type: 'heartbeat' };

export interface RevocationsDeps {
  readonly key: string;
  readonly log: Log;
  readonly changeFeed: Pick<ChangeFeed, 'onChange' | 'isTrusted'>;
  readonly sessions: Pick<Sessions, 'endedSince'>;
  readonly clock: Clock;
}

const heartbeatMs = 1000;
/** Concurrent streams of one process. */
const maxStreams = 200;
/** Sessions that ended within this time are sent first. It is longer than the life of an access token. */
const replayedSeconds = 1000;

export function serveRevocations(app: FastifyInstance, deps: RevocationsDeps): void {
  const { changeFeed, log } = deps;
  const streams = new Set<EventStream>();
  changeFeed.onChange((change) => {
    for (const stream of streams) publish(stream, change);
  });
  const heartbeat = setInterval(() => {
    for (const stream of streams) {
      if (changeFeed.isTrusted()) stream.send({ type: 'heartbeat' } satisfies RevocationEvent);
      stream.closeIfStalled();
    }
  }, heartbeatMs);
  heartbeat.unref();
  app.addHook('preClose', async () => {
    clearInterval(heartbeat);
    for (const stream of streams) stream.end();
  });

  app.get('/revocations', { exposeHeadRoute: false }, async (request, reply) => {
    requireKey(request, { key: deps.key, event: 'revocations', log });
    if (!changeFeed.isTrusted() || streams.size >= maxStreams) {
      throw new Problem('OVERLOADED', { retryAfterSeconds: 1 });
    }
    const stream = openStream(reply, () =>
      log.warn({ requestId: request.id }, 'event stream closed: the client does not read'),
    );
    // Subscribes before the query, so that no session is missed between the two.
    streams.add(stream);
    reply.raw.once('close', () => streams.delete(stream));
    try {
      const since = secondsAfter(deps.clock(), -replayedSeconds);
      const ids = await deps.sessions.endedSince(since);
      if (await stream.sendAll(endedEvents(ids)))
        stream.send({ type: 'ready' } satisfies RevocationEvent);
    } catch {
      reply.raw.destroy();
    }
  });
}

function openStream(reply: FastifyReply, onStalled: () => void): EventStream {
  reply.hijack();
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  reply.raw.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
  });
  return new EventStream(reply.raw, onStalled);
}

function* endedEvents(sessionIds: readonly string[]): Iterable<RevocationEvent> {
  for (const sessionId of sessionIds) yield { type: 'ended', sessionId };
}

/**
 * The id of an API key is the `sid` of the access tokens that a service account got with it. `all` means that any session may have
 * changed: the client has to connect again.
 */
function publish(stream: EventStream, change: ChangeKey): void {
  const [kind, id] = change.split(':');
  if ((kind === 'session' || kind === 'api-key') && id) {
    stream.send({ type: 'ended', sessionId: id } satisfies RevocationEvent);
  }
  if (kind === 'all') stream.end();
}
