/** The page for a browser that opens an address without a page. */
import type { FastifyReply } from 'fastify';
import { html, sendPage } from '../page.ts';
import { textsOf } from '../presentation.ts';
import { appWay, startWay } from '../ways.ts';

/** The page is the same for every status, because the reasons differ for programs only. */
export function sendErrorPage(reply: FastifyReply, status: number): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  return sendPage(reply, {
    locale,
    status,
    title: translate('pages.notFound.title'),
    body: html`<p>${translate('pages.notFound.body')}</p>`,
    ways: [startWay(reply), ...appWay(reply)],
  });
}
