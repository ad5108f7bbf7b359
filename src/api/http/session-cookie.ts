/**
 * The session cookie, which holds a refresh token where no script can read it. A request is in cookie mode if it asks for
 * it and its origin is allowed. The check runs before the request is authenticated and before its body is read, because
 * a browser adds the cookie to requests of other sites too (CSRF).
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type OriginCheck, originOf } from '../../config/origins.ts';
import type { SessionCookie } from '../../core/request-context.ts';
import type { Clock } from '../../core/time.ts';
import { HttpError } from './responses.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * How a request enters cookie mode: `header` for the APIs, by the header X-Session-Transport; `form` for pages,
     * whose forms cannot send a header. `mailed-form` accepts forms of other origins too, and ignores their cookie.
     * Other routes ignore every cookie.
     */
    readonly sessionTransport?: 'header' | 'form' | 'mailed-form';
  }
  interface FastifyRequest {
    /** Undefined for a request that is not in cookie mode. */
    sessionCookie: SessionCookie | undefined;
  }
}

export const sessionCookieName = '__Host-gatehouse-session';

/**
 * The options of page routes that use or set the session cookie. A form of another origin is refused. The referrer
 * policy lets browsers send the origin of the page with its own forms.
 */
export const requireSameOrigin = {
  config: { format: 'rest', sessionTransport: 'form' },
} as const;

/**
 * The options of page routes whose form has a mailed secret, which works without the cookie. If the operation ends the
 * session of the cookie, the cookie is removed. The URL has the secret, so the browser sends no referrer.
 */
export const useCookieIfSameOrigin = {
  config: { format: 'rest', sessionTransport: 'mailed-form' },
} as const;

export interface SessionCookieOptions {
  readonly publicUrl: string;
  readonly isAllowedOrigin: OriginCheck;
  readonly clock: Clock;
}

/** Add it before the hook that creates the request context. */
export function addSessionCookies(app: FastifyInstance, options: SessionCookieOptions): void {
  const origins = { own: originOf(options.publicUrl), isAllowed: options.isAllowedOrigin };
  app.decorateRequest('sessionCookie', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    const { sessionTransport } = request.routeOptions.config;
    if (sessionTransport === 'form') reply.header('referrer-policy', 'same-origin');
    if (isInCookieMode(request, origins)) {
      request.sessionCookie = createSessionCookie(request, reply, options.clock);
    }
    done();
  });
}

interface Origins {
  /** The origin of PUBLIC_URL. */
  readonly own: string;
  readonly isAllowed: OriginCheck;
}

/** @throws HttpError 400, and 403 for another origin */
function isInCookieMode(request: FastifyRequest, { own, isAllowed }: Origins): boolean {
  const isSafe = request.method === 'GET' || request.method === 'HEAD';
  switch (request.routeOptions.config.sessionTransport) {
    case 'header':
      if (!asksForCookie(request)) return false;
      if (isSafe || isFromAllowedOrigin(request, isAllowed)) return true;
      throw new HttpError(403, forbiddenOrigin);
    case 'form':
      if (isSafe || isFromOwnPage(request, own)) return true;
      throw new HttpError(403, 'The form was sent from a page of another site.');
    case 'mailed-form':
      return isSafe || isFromOwnPage(request, own) || isSameOrigin(request);
    default:
      return false;
  }
}

const forbiddenOrigin =
  'The session cookie is for pages of PUBLIC_URL and CORS_ALLOWED_ORIGINS only. The Origin header is missing or names another origin.';

/** @throws HttpError 400 */
function asksForCookie({ headers }: FastifyRequest): boolean {
  const transport = headers['x-session-transport'];
  if (transport === undefined || transport === 'cookie') return transport !== undefined;
  throw new HttpError(400, 'The only value of the header X-Session-Transport is `cookie`.');
}

/** A browser sends no Origin header in a few cases, and Sec-Fetch-Site, which no script can change, in all. */
function isFromAllowedOrigin(request: FastifyRequest, isAllowed: OriginCheck): boolean {
  const { origin } = request.headers;
  return origin === undefined ? isSameOrigin(request) : isAllowed(origin);
}

/** `Origin: null` is that of any sandboxed document, and of pages without a referrer. */
function isFromOwnPage(request: FastifyRequest, own: string): boolean {
  const { origin } = request.headers;
  return origin === own || (origin !== 'null' && isSameOrigin(request));
}

function isSameOrigin({ headers }: FastifyRequest): boolean {
  return headers['sec-fetch-site'] === 'same-origin';
}

/** The form of every refresh token. */
const tokenPattern = /^[A-Za-z0-9_-]{48}$/;

/** `trim` would also remove U+00A0: a cookie with that byte before its name is not the one with the prefix `__Host-`. */
const surroundingSpace = /^[ \t]+|[ \t]+$/g;

/** The values of the session cookies of a Cookie header (RFC 6265 §4.2.1). A browser sends one at most. */
function cookieValues(header: string | undefined): readonly string[] {
  if (!header?.includes(sessionCookieName)) return [];
  return header.split(';').flatMap((pair) => {
    const [name = '', ...value] = pair.split('=');
    const stripped = name.replace(surroundingSpace, '');
    return stripped === sessionCookieName ? [value.join('=').replace(surroundingSpace, '')] : [];
  });
}

export function hasSessionCookie({ headers }: FastifyRequest): boolean {
  return cookieValues(headers.cookie).length > 0;
}

function createSessionCookie(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  clock: Clock,
): SessionCookie {
  const values = cookieValues(headers.cookie);
  const [first = ''] = values;
  let refreshToken = values.length === 1 && tokenPattern.test(first) ? first : undefined;
  let isPresent = values.length > 0;
  const write = (value: string, expiresAt: Date) => {
    reply.removeHeader('set-cookie'); // Fastify would add a second one
    reply.header('set-cookie', serialize(value, { expiresAt, now: clock() }));
  };
  return {
    get refreshToken() {
      return refreshToken;
    },
    keep(token, expiresAt) {
      refreshToken = token;
      isPresent = true;
      write(token, expiresAt);
    },
    clear() {
      if (!isPresent) return;
      refreshToken = undefined;
      isPresent = false;
      write('', new Date(0));
    },
  };
}

/** Max-Age does not depend on the clock of the browser, which uses it in place of Expires (RFC 6265 §5.3). */
function serialize(
  value: string,
  { expiresAt, now }: { readonly expiresAt: Date; readonly now: Date },
): string {
  const maxAgeSeconds = Math.max(0, Math.floor((expiresAt.getTime() - now.getTime()) / 1000));
  return [
    `${sessionCookieName}=${value}`,
    ...['Path=/', `Max-Age=${maxAgeSeconds}`, `Expires=${expiresAt.toUTCString()}`],
    ...['HttpOnly', 'Secure', 'SameSite=Lax'],
  ].join('; ');
}
