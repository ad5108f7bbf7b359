/** Who is asking: a request turned into a Context, by one function for every door. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor, Context } from '../core/actor.ts';
import { Problem } from '../core/errors.ts';
import { preferredLocale } from '../core/locale.ts';
import type { Tokens } from '../features/sessions/tokens.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route reads the bearer token, and in which shape its callers expect a refusal. */
    readonly speaks?: 'graphql' | 'rest';
  }
  interface FastifyRequest {
    context: Context | null;
  }
}

const bearerPattern = /^bearer(?: +(.*))?$/i;

/**
 * The context of a request.
 *
 * @throws UNAUTHENTICATED when there is a bearer token and it is not good; without one there is
 *   simply no actor
 */
export async function createContext(
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: Tokens,
): Promise<Context> {
  return {
    actor: await actorOf(request.headers.authorization, tokens),
    client: {
      ipAddress: request.ip,
      userAgent: request.headers['user-agent'] ?? '',
      locale: preferredLocale(request.headers['accept-language']),
      requestId: request.id,
    },
    get signal() {
      return hangUpSignal(reply);
    },
  };
}

/** The context that the authentication of this request has left. */
export function contextOf(request: FastifyRequest): Context {
  if (!request.context) throw new Error('the route does not authenticate its callers');
  return request.context;
}

async function actorOf(header: string | undefined, tokens: Tokens): Promise<Actor | undefined> {
  const match = header === undefined ? null : bearerPattern.exec(header);
  if (!match) return undefined;
  const actor = await tokens.authenticate(match[1] ?? '');
  if (!actor) throw new Problem('UNAUTHENTICATED');
  return actor;
}

/** Aborts when the connection closes before the answer is out. */
function hangUpSignal(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
