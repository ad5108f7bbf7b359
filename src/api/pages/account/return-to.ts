/**
 * `return_to`: the address of an application that a page leads back to. Only addresses of ALLOWED_RETURN_URLS are
 * followed, because an open redirect helps phishing.
 */
import type { FastifyRequest } from 'fastify';
import { textOf } from '../link-operations.ts';

/** The name of the parameter in queries and forms. */
export const returnToName = 'return_to';

export interface ReturnTo {
  /** Normalized; undefined without the parameter, and for an address that is not allowed. */
  readonly url: string | undefined;
  readonly isRejected: boolean;
}

/** Returns the normalized form of an allowed address; undefined for any other text. */
export type CheckReturnUrl = (text: string) => string | undefined;

const maxLength = 2000;

/** @param allowed origins, and addresses whose path is the beginning of the allowed paths */
export function createReturnCheck(allowed: readonly string[]): CheckReturnUrl {
  const entries = allowed.map((text) => {
    const { origin, pathname } = new URL(text);
    return { origin, path: pathname.replace(/\/+$/, '') };
  });
  return (text) => {
    const url = parseWebAddress(text);
    if (!url) return undefined;
    const isAllowed = entries.some(
      ({ origin, path }) => url.origin === origin && isBelow(url.pathname, path),
    );
    return isAllowed ? url.href : undefined;
  };
}

/** Refuses texts that browsers and the parser could understand differently. */
function parseWebAddress(text: string): URL | undefined {
  const isPlain = text.length <= maxLength && /^https?:\/\/[^\s\\\p{C}]+$/iu.test(text);
  if (!isPlain || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  const hasCredentials = /^[^/]*\/\/[^/?#]*@/.test(text) || `${url.username}${url.password}` !== '';
  return hasCredentials ? undefined : url;
}

/** The parser has resolved dot segments already. Some servers decode more of a path, or ignore a part of a segment. */
function hasHiddenSegment(path: string): boolean {
  if (/%(25)*(2f|5c|2e)/i.test(path)) return true;
  try {
    // Look-alikes of the dot and the slash become these characters.
    const decoded = decodeURIComponent(path).normalize('NFKC');
    return /\p{C}|\\|\/\.{1,2}(;|\/|$)|\/\.\./u.test(decoded);
  } catch {
    return true; // no UTF-8
  }
}

/** @param prefix without a slash at the end; empty for a whole origin */
function isBelow(path: string, prefix: string): boolean {
  if (prefix === '') return true;
  return (path === prefix || path.startsWith(`${prefix}/`)) && !hasHiddenSegment(path);
}

/** Reads the parameter of the query or, for a form, of the body. */
export function returnToOf(request: FastifyRequest): ReturnTo {
  const source: unknown = request.method === 'POST' ? request.body : request.query;
  const text = textOf(source, returnToName);
  const url = text === undefined ? undefined : request.server.presentation.checkReturnUrl(text);
  const isGiven = Object(source)[returnToName] !== undefined; // also if it is given twice
  return { url, isRejected: isGiven && url === undefined };
}

/** Adds `return_to` to the path of a page. */
export function withReturnTo(path: string, url: string | undefined): string {
  return url === undefined ? path : `${path}?${new URLSearchParams({ [returnToName]: url })}`;
}
