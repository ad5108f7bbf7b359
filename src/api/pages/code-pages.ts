/**
 * A page behind a link with a code: it names the address and has one button. Opening it changes
 * nothing; its button does.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { textsIn } from '../../i18n/translate.ts';
import type { CompileDocument, CompiledDocument } from '../graphql/compiled-operations.ts';
import { type LinkOwners, runOperation, selection, textOf } from './link-operations.ts';
import {
  accountRow,
  html,
  pageLocale,
  sendDeadLink,
  sendFailure,
  sendIncomplete,
  sendPage,
} from './page.ts';

export interface PageDeps {
  readonly compileDocument: CompileDocument;
  readonly linkOwners: LinkOwners;
}

export interface CodePage {
  readonly path: string;
  /** The mutation, and the name of the page's texts. */
  readonly operation: 'confirmEmailChange' | 'cancelEmailChange';
}

export function serveCodePage(app: FastifyInstance, page: CodePage, parts: PageDeps): void {
  const options = { config: { speaks: 'rest' }, errorHandler: sendFailure } as const;
  const run = parts.compileDocument(
    `mutation ($code: String!) { result: ${page.operation}(code: $code) ${selection} }`,
  );
  app.get(page.path, options, (request, reply) => sendQuestion(page, parts, request, reply));
  app.post(page.path, options, (request, reply) => sendResult(page, run, request, reply));
}

/** Asks for the press of the button. Also answers HEAD. */
async function sendQuestion(
  page: CodePage,
  { linkOwners }: Pick<PageDeps, 'linkOwners'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const code = textOf(request.query, 'code');
  if (code === undefined) return sendIncomplete(reply);
  const address = await linkOwners.addressOfEmailChangeCode(code);
  if (address === undefined) return sendDeadLink(reply, page.operation);
  const locale = pageLocale(request);
  const translate = textsIn(locale);
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

async function sendResult(
  page: CodePage,
  run: CompiledDocument,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const code = textOf(request.body, 'code');
  if (code === undefined) return sendIncomplete(reply);
  const problem = await runOperation(run, request, { code });
  if (problem) return sendDeadLink(reply, page.operation);
  const locale = pageLocale(request);
  const translate = textsIn(locale);
  const texts = `pages.${page.operation}` as const;
  return sendPage(reply, {
    locale,
    mark: 'done',
    title: translate(`${texts}.doneTitle`),
    body: html`<p>${translate(`${texts}.done`)}</p>
<p class="quiet">${translate('pages.closeHint')}</p>`,
  });
}

export const cancelEmailChangePage: CodePage = {
  path: '/cancel-email-change',
  operation: 'cancelEmailChange',
};

export const confirmEmailChangePage: CodePage = {
  path: '/confirm-email-change',
  operation: 'confirmEmailChange',
};
