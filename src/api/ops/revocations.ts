/**
 * The feed of ended sessions for services that verify tokens themselves: server-sent events, open to
 * whoever has REVOCATION_FEED_KEY. Beats stop as soon as changes might be missed here.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { Problem } from '../../core/errors.ts';
import { type Clock, secondsAfter } from '../../core/time.ts';
import type { ChangeFeed, ChangeKey } from '../../database/change-feed.ts';
import type { Sessions } from '../../features/sessions/sessions.ts';
import type { Log } from '../../observability/log.ts';
import type { RevocationEvent } from '../../verify/revocation-feed.ts';
import { requireKey } from '../http/access-control.ts';
import { EventStream } from '../http/event-stream.ts';

export interface RevocationsDeps {
  readonly key: string;
  readonly log: Log;
  readonly changeFeed: Pick<ChangeFeed, 'onChange' | 'isTrusted'>;
  readonly sessions: Pick<Sessions, 'endedSince'>;
  readonly clock: Clock;
}

const beatMilliseconds = 1000;
/** Streams of one process. Their readers are services that verify tokens. */
const maxStreams = 200;
/** Seconds; longer than an access token can live. */
const toldSeconds = 1000;

export function serveRevocations(app: FastifyInstance, parts: RevocationsDeps): void {
  const { changeFeed, log } = parts;
  const streams = new Set<EventStream>();
  changeFeed.onChange((change) => {
    for (const stream of streams) publish(stream, change);
  });
  const beats = setInterval(() => {
    for (const stream of streams) {
      if (changeFeed.isTrusted()) stream.send({ type: 'beat' } satisfies RevocationEvent);
      stream.endIfStalled();
    }
  }, beatMilliseconds);
  beats.unref();
  app.addHook('preClose', async () => {
    clearInterval(beats);
    for (const stream of streams) stream.end();
  });

  app.get('/revocations', { exposeHeadRoute: false }, async (request, reply) => {
    requireKey(request, { key: parts.key, event: 'revocations', log });
    if (!changeFeed.isTrusted() || streams.size >= maxStreams) {
      throw new Problem('OVERLOADED', { retryAfterSeconds: 1 });
    }
    const stream = openStream(reply, () =>
      log.warn({ requestId: request.id }, 'event stream closed: the client does not read'),
    );
    // Listens first and asks then, so that nothing falls between the two.
    streams.add(stream);
    reply.raw.once('close', () => streams.delete(stream));
    try {
      const since = secondsAfter(parts.clock(), -toldSeconds);
      const ids = await parts.sessions.endedSince(since);
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

/** `all` means that anything may have changed: the reader has to begin anew. */
function publish(stream: EventStream, change: ChangeKey): void {
  const [kind, sessionId] = change.split(':');
  if (kind === 'session' && sessionId) {
    stream.send({ type: 'ended', sessionId } satisfies RevocationEvent);
  }
  if (kind === 'all') stream.end();
}
