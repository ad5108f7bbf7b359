/** The page `/sign-out`. Its button ends the session; opening the page changes nothing. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { contextOf } from '../../http/context.ts';
import { executeOperation, selection } from '../link-operations.ts';
import { accountRow, html, sendPage } from '../page.ts';
import { textsOf } from '../presentation.ts';
import { appWay, signInWay, signOutPath } from '../ways.ts';
import { type AccountPageDeps, accountPageOptions, returnNotice } from './account-page.ts';
import { returnToOf } from './return-to.ts';
import { signOutForm } from './signed-in.ts';

export function serveSignOutPage(app: FastifyInstance, deps: AccountPageDeps): void {
  const logout = deps.prepareDocument(`mutation { result: logout ${selection} }`);
  app.get(signOutPath, accountPageOptions, async (request, reply) => {
    const owner = await deps.cookieOwner(contextOf(request));
    return owner ? sendQuestion(reply, owner) : sendSignedOut(reply);
  });
  app.post(signOutPath, accountPageOptions, async (request, reply) => {
    const { sessionCookie } = contextOf(request);
    // A session that has ended already needs nothing but the removal of its cookie.
    if (sessionCookie?.refreshToken !== undefined) await executeOperation(logout, request, {});
    sessionCookie?.clear();
    const { url } = returnToOf(request);
    return url === undefined ? sendSignedOut(reply) : reply.redirect(url, 303);
  });
}

function sendQuestion(reply: FastifyReply, { email }: { readonly email: string }): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const returnTo = returnToOf(reply.request);
  return sendPage(reply, {
    locale,
    title: translate('pages.signOutPage.title'),
    mayLeave: true,
    body: html`${returnNotice(reply, returnTo)}<p>${translate('pages.signOutPage.body')}</p>
${accountRow(translate('pages.signInPage.signedInAs'), email)}
${signOutForm(reply, { isSecondary: false, returnUrl: returnTo.url })}`,
    ways: appWay(reply, returnTo.url),
  });
}

function sendSignedOut(reply: FastifyReply): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const returnTo = returnToOf(reply.request);
  return sendPage(reply, {
    locale,
    mark: 'done',
    title: translate('pages.signOutPage.doneTitle'),
    body: html`${returnNotice(reply, returnTo)}<p>${translate('pages.signOutPage.done')}</p>`,
    ways: [signInWay(reply, returnTo.url), ...appWay(reply, returnTo.url)],
  });
}
