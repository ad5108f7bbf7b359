/** Who is asking: a request turned into a Context, by one function for every door. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Actor, Context } from '../core/actor.ts';
import { onBehalfOf } from '../core/ambient.ts';
import { Problem } from '../core/errors.ts';
import { preferredLocale } from '../core/locale.ts';
import type { UnitOfWork } from '../db/unit-of-work.ts';
import type { Tokens } from '../features/sessions/tokens.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route reads the bearer token, and in which shape its callers expect a refusal. */
    readonly speaks?: 'graphql' | 'rest';
    /** Served whatever the Host header says: who asks by address has shown a key. */
    readonly isForAnyHost?: boolean;
  }
  interface FastifyRequest {
    context: Context | null;
  }
}

const bearerPattern = /^bearer(?: +(.*))?$/i;

/** Routes that speak to callers run in a database context and know who is asking. */
export function openContexts(
  app: FastifyInstance,
  { unitOfWork, tokens }: { readonly unitOfWork: UnitOfWork; readonly tokens: Tokens },
): void {
  app.decorateRequest('context', null);
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.routeOptions.config.speaks === undefined) return done();
    unitOfWork.enterContext(done);
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.speaks === undefined) return done();
    createContext(request, reply, tokens).then((context) => {
      request.context = context;
      onBehalfOf(context, done);
    }, done);
  });
}

/**
 * The context of a request.
 *
 * @throws UNAUTHENTICATED when there is a bearer token and it is not good; without one there is
 *   simply no actor
 */
async function createContext(
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: Tokens,
): Promise<Context> {
  const actor = await actorOf(request.headers.authorization, tokens);
  const client = {
    ipAddress: request.ip,
    userAgent: request.headers['user-agent'] ?? '',
    locale: preferredLocale(request.headers['accept-language']),
    requestId: request.id,
  };
  return new RequestContext(actor, client, () => hangUpSignal(reply));
}

/** A class, as Apollo copies contexts: a getter of the object itself would be called by that. */
class RequestContext implements Context {
  readonly actor: Context['actor'];
  readonly client: Context['client'];
  readonly listenForHangUp: () => AbortSignal;

  constructor(
    actor: Context['actor'],
    client: Context['client'],
    listenForHangUp: () => AbortSignal,
  ) {
    this.actor = actor;
    this.client = client;
    this.listenForHangUp = listenForHangUp;
  }

  get signal(): AbortSignal {
    return this.listenForHangUp();
  }
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

/** One for all: every answered request ends with it, and a new one would read the stack each time. */
const noneWaits = new DOMException('nobody waits for the answer any more', 'AbortError');

/** Aborts when nobody waits any more: the caller has hung up, or was answered, perhaps since time was up. */
function hangUpSignal({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  if (raw.writableEnded || raw.destroyed) controller.abort(noneWaits);
  else raw.once('close', () => controller.abort(noneWaits));
  return controller.signal;
}
