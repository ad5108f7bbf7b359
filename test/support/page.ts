/** Pages in a browser without scripts: GET opens a page, and POST submits its form. */
import type { TestService } from './service.ts';

export interface OpenedPage {
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
}

export interface PageRequest {
  readonly method?: 'GET' | 'HEAD';
  /** Accept-Language. */
  readonly language?: string;
}

const browserHeaders = (language = 'en') => ({
  accept: 'text/html,application/xhtml+xml',
  'accept-language': language,
});

/** `path` may be a link from a mail; only its path and query are used. */
export async function openPage(
  { address }: TestService,
  path: string,
  { method = 'GET', language }: PageRequest = {},
): Promise<OpenedPage> {
  const { pathname, search } = new URL(path, address);
  return answerOf(
    await fetch(`${address}${pathname}${search}`, { method, headers: browserHeaders(language) }),
  );
}

export interface FormRequest {
  readonly typed?: Readonly<Record<string, string>>;
  /** Accept-Language. */
  readonly language?: string;
  /** Whether to open the page that a redirect leads to, as browsers do. By default it is opened. */
  readonly redirect?: 'follow' | 'manual';
}

/** Submits the form of a page with the typed values. */
export async function sendForm(
  { address }: TestService,
  { html }: OpenedPage,
  { typed = {}, language, redirect = 'follow' }: FormRequest = {},
): Promise<OpenedPage> {
  const action = /<form method="post" action="([^"]+)"/.exec(html)?.[1];
  if (action === undefined) throw new Error(`no form in: ${html}`);
  const hidden = [...html.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)"/g)];
  const values = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]));
  const body = new URLSearchParams({ ...values, ...typed });
  return answerOf(
    await fetch(address + action, {
      method: 'POST',
      headers: browserHeaders(language),
      body,
      redirect,
    }),
  );
}

async function answerOf(response: Response): Promise<OpenedPage> {
  return { status: response.status, headers: response.headers, html: await response.text() };
}

/** The link to `path` in the text of a mail. */
export function linkIn(mail: { readonly text: string } | undefined, path: string): string {
  const link = mail?.text.match(/^https?:\S+$/gm)?.find((it) => new URL(it).pathname === path);
  if (link === undefined) throw new Error(`no link to ${path} in: ${mail?.text}`);
  return link;
}

export function titleOf({ html }: OpenedPage): string | undefined {
  return /<h1>([^<]*)<\/h1>/.exec(html)?.[1];
}
