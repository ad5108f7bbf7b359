/**
 * The feed of ended sessions for services that verify tokens themselves: server-sent events, open to
 * whoever has REVOCATION_FEED_KEY. Beats stop as soon as changes might be missed here.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Clock, secondsAfter } from '../core/clock.ts';
import { Problem } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { RevocationEvent } from '../core/verify/revocation-feed.ts';
import type { ChangeKey, Changes } from '../db/changes.ts';
import type { Sessions } from '../features/sessions/sessions.ts';
import { requireKey } from './bearer-key.ts';

export interface RevocationsParts {
  readonly key: string;
  readonly log: Log;
  readonly changes: Pick<Changes, 'onChange' | 'isTrusted'>;
  readonly sessions: Pick<Sessions, 'endedSince'>;
  readonly clock: Clock;
}

const beatMilliseconds = 1000;
/** Seconds; longer than an access token can live. */
const toldSeconds = 1000;

export function serveRevocations(app: FastifyInstance, parts: RevocationsParts): void {
  const streams = new Set<FastifyReply>();
  parts.changes.onChange((change) => {
    for (const stream of streams) tell(stream, change);
  });
  const beats = setInterval(() => {
    for (const stream of streams) if (parts.changes.isTrusted()) send(stream, { type: 'beat' });
  }, beatMilliseconds);
  beats.unref();
  app.addHook('preClose', async () => {
    clearInterval(beats);
    for (const { raw } of streams) raw.end();
  });

  app.get('/revocations', async (request, reply) => {
    requireKey(request, { key: parts.key, event: 'revocations', log: parts.log });
    if (!parts.changes.isTrusted()) throw new Problem('OVERLOADED', { retryAfterSeconds: 1 });
    reply.hijack();
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      if (value !== undefined) reply.raw.setHeader(name, value);
    }
    reply.raw.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    // Listens first and asks then, so that nothing falls between the two.
    streams.add(reply);
    reply.raw.once('close', () => streams.delete(reply));
    try {
      const since = secondsAfter(parts.clock(), -toldSeconds);
      for (const sessionId of await parts.sessions.endedSince(since)) {
        send(reply, { type: 'ended', sessionId });
      }
      send(reply, { type: 'ready' });
    } catch {
      reply.raw.destroy();
    }
  });
}

/** `all` says that anything may have happened: the follower has to begin anew. */
function tell(stream: FastifyReply, change: ChangeKey): void {
  const [kind, sessionId] = change.split(':');
  if (kind === 'session' && sessionId) send(stream, { type: 'ended', sessionId });
  if (kind === 'all') stream.raw.end();
}

function send(stream: FastifyReply, event: RevocationEvent): void {
  stream.raw.write(`data: ${JSON.stringify(event)}\n\n`);
}
