/** Who is asking: a request turned into a Context, by one function for every door. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from '../../core/request-context.ts';
import { runWithContext } from '../../core/request-context.ts';
import { printable } from '../../core/text.ts';
import type { UnitOfWork } from '../../database/transaction.ts';
import type { Audit } from '../../features/audit/audit.ts';
import type { Tokens } from '../../features/sessions/tokens.ts';
import { preferredLocale } from '../../i18n/locale.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether the route reads the bearer token, and in which shape its callers expect a refusal. */
    readonly speaks?: 'graphql' | 'rest';
    /** Served whatever the Host header says: who asks by address has shown a key. */
    readonly isForAnyHost?: boolean;
  }
  interface FastifyRequest {
    context: RequestContext | null;
  }
}

const bearerPattern = /^bearer(?: +(.*))?$/i;

/** Routes that speak to callers run in a database context and know who is asking. */
export function openContexts(
  app: FastifyInstance,
  {
    unitOfWork,
    tokens,
    audit,
  }: {
    readonly unitOfWork: UnitOfWork;
    readonly tokens: Tokens;
    readonly audit: Pick<Audit, 'logDenial'>;
  },
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
      runWithContext(context, done);
    }, done);
  });
  // At the end, as a refusal by the operation itself says more, and a request has one line at most.
  app.addHook('onResponse', (request, _reply, done) => {
    const { context } = request;
    if (context?.isTokenRejected) {
      runWithContext(context, () => audit.logDenial('access-token', 'UNAUTHENTICATED'));
    }
    done();
  });
}

/**
 * The context of a request. A bearer token that is not valid is judged by the operation, because a
 * client attaches its expired token to a login and a refresh as well.
 */
async function createContext(
  request: FastifyRequest,
  reply: FastifyReply,
  tokens: Tokens,
): Promise<RequestContext> {
  const bearer = bearerOf(request.headers.authorization);
  const actor = bearer === undefined ? undefined : await tokens.authenticate(bearer);
  const client = {
    ipAddress: request.ip,
    userAgent: printable(request.headers['user-agent'] ?? ''),
    locale: preferredLocale(request.headers['accept-language']),
    requestId: request.id,
  };
  const isTokenRejected = bearer !== undefined && actor === undefined;
  return new HttpContext({ actor, isTokenRejected, client }, () => hangUpSignal(reply));
}

/** A class, as Apollo copies contexts: a getter of the object itself would be called by that. */
class HttpContext implements RequestContext {
  readonly actor: RequestContext['actor'];
  readonly isTokenRejected: boolean;
  readonly client: RequestContext['client'];
  readonly listenForHangUp: () => AbortSignal;

  constructor(
    caller: Pick<RequestContext, 'actor' | 'client'> & { readonly isTokenRejected: boolean },
    listenForHangUp: () => AbortSignal,
  ) {
    this.actor = caller.actor;
    this.isTokenRejected = caller.isTokenRejected;
    this.client = caller.client;
    this.listenForHangUp = listenForHangUp;
  }

  get signal(): AbortSignal {
    return this.listenForHangUp();
  }
}

/** The context that the authentication of this request has left. */
export function contextOf(request: FastifyRequest): RequestContext {
  if (!request.context) throw new Error('the route does not authenticate its callers');
  return request.context;
}

/** The bearer token of an Authorization header; undefined where another scheme or none is used. */
function bearerOf(header: string | undefined): string | undefined {
  const match = header === undefined ? null : bearerPattern.exec(header);
  return match ? (match[1] ?? '') : undefined;
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
