/** A browser without JavaScript: it keeps the session cookie, sends the forms of pages, and follows no redirect. */
import { sessionCookieName } from '../../src/api/http/session-cookie.ts';
import type { OpenedPage } from './page.ts';
import type { TestService } from './service.ts';

export interface VisitedPage extends OpenedPage {
  /** The target of a redirect. */
  readonly location: string | null;
}

export interface FormRequest {
  /** Replaces headers; undefined removes one. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Which of the forms of the page; the first one by default. */
  readonly action?: string;
}

export interface Visitor {
  /** The value of the session cookie. */
  cookie: string | undefined;
  open(path: string): Promise<VisitedPage>;
  /** Sends a form of the page with its hidden fields and the typed values. */
  send(page: OpenedPage, typed?: object, request?: FormRequest): Promise<VisitedPage>;
}

export function createVisitor(service: TestService, { language = 'en' } = {}): Visitor {
  const request = async (path: string, init: RequestInit, headers: FormRequest['headers'] = {}) => {
    const all = {
      accept: 'text/html,application/xhtml+xml',
      'accept-language': language,
      cookie: visitor.cookie === undefined ? undefined : `${sessionCookieName}=${visitor.cookie}`,
      ...headers,
    };
    const sent = Object.entries(all).filter((entry): entry is [string, string] =>
      Boolean(entry[1]),
    );
    const response = await fetch(service.address + path, {
      ...init,
      headers: sent,
      redirect: 'manual',
    });
    for (const line of response.headers.getSetCookie()) {
      const value = new RegExp(`^${sessionCookieName}=([^;]*)`).exec(line)?.[1];
      visitor.cookie = value === '' ? undefined : value;
    }
    return {
      status: response.status,
      headers: response.headers,
      html: await response.text(),
      location: response.headers.get('location'),
    };
  };
  const visitor: Visitor = {
    cookie: undefined,
    open: (path) => request(path, {}),
    async send({ html }, typed = {}, { headers, action } = {}) {
      const form = formsOf(html).find((each) => action === undefined || each.action === action);
      if (!form) throw new Error(`no form in: ${html}`);
      const body = new URLSearchParams({ ...form.hidden, ...typed });
      const origin = service.app.config.publicUrl;
      return request(form.action, { method: 'POST', body }, { origin, ...headers });
    },
  };
  return visitor;
}

/** The forms of a page with their hidden fields. */
function formsOf(html: string) {
  return [...html.matchAll(/<form method="post" action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/g)].map(
    ([, action = '', content = '']) => {
      const fields = content.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g);
      const values = [...fields].map(([, name = '', value = '']) => [
        name,
        value.replaceAll('&amp;', '&'),
      ]);
      return { action, hidden: Object.fromEntries(values) as Record<string, string> };
    },
  );
}
