/**
 * The pages that confirm and cancel a change of address, with one button. Opening a page changes nothing, so
 * that mail scanners do not consume the code.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ExecuteOperation, PrepareDocument } from '../graphql/operations.ts';
import { useCookieIfSameOrigin } from '../http/session-cookie.ts';
import { executeOperation, type LinkOwners, selection, textOf } from './link-operations.ts';
import { sendIncompleteLink, sendInvalidLink } from './link-pages.ts';
import { accountRow, html, sendFailure, sendPage } from './page.ts';
import { textsOf } from './presentation.ts';
import { type ResultPage, redirectToResult, resultPages } from './result-pages.ts';

export interface PageDeps {
  readonly prepareDocument: PrepareDocument;
  readonly linkOwners: LinkOwners;
}

export interface CodePage {
  readonly path: string;
  /** The mutation, and the key of the texts. */
  readonly operation: 'confirmEmailChange' | 'cancelEmailChange';
  readonly result: ResultPage;
}

export function serveCodePage(app: FastifyInstance, page: CodePage, deps: PageDeps): void {
  const options = { ...useCookieIfSameOrigin, errorHandler: sendFailure } as const;
  const execute = deps.prepareDocument(
    `mutation ($code: String!) { result: ${page.operation}(code: $code) ${selection} }`,
  );
  app.get(page.path, options, (request, reply) => sendForm(page, deps, request, reply));
  app.post(page.path, options, (request, reply) => submit(page, execute, request, reply));
}

/** Sends the page with the button. Handles GET and HEAD. */
async function sendForm(
  page: CodePage,
  { linkOwners }: Pick<PageDeps, 'linkOwners'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const code = textOf(request.query, 'code');
  if (code === undefined) return sendIncompleteLink(reply);
  const address = await linkOwners.addressOfEmailChangeCode(code);
  if (address === undefined) return sendInvalidLink(reply, page.operation);
  const { locale, translate } = textsOf(request);
  const texts = `pages.${page.operation}` as const;
  return sendPage(reply, {
    locale,
    title: translate(`${texts}.title`),
    body: html`<p>${translate(`${texts}.body`)}</p>
${accountRow(translate('pages.address'), address)}
<form method="post" action="${page.path}">
<input type="hidden" name="code" value="${code}">
<button type="submit">${translate(`${texts}.button`)}</button>
</form>`,
  });
}

async function submit(
  page: CodePage,
  execute: ExecuteOperation,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const code = textOf(request.body, 'code');
  if (code === undefined) return sendIncompleteLink(reply);
  const problem = await executeOperation(execute, request, { code });
  if (problem) return sendInvalidLink(reply, page.operation);
  return redirectToResult(reply, page.result);
}

export const cancelEmailChangePage: CodePage = {
  path: '/cancel-email-change',
  operation: 'cancelEmailChange',
  result: resultPages.changeCancelled,
};

export const confirmEmailChangePage: CodePage = {
  path: '/confirm-email-change',
  operation: 'confirmEmailChange',
  result: resultPages.addressChanged,
};
