/** The page for a browser that is signed in already, and the button that signs out. */
import type { FastifyReply } from 'fastify';
import { hiddenField } from '../fields.ts';
import { accountRow, type Html, html, sendPage } from '../page.ts';
import { textsOf } from '../presentation.ts';
import { appWay, signOutPath, startWay } from '../ways.ts';
import { returnNotice } from './account-page.ts';
import { returnToName, returnToOf } from './return-to.ts';

export function sendSignedIn(
  reply: FastifyReply,
  { email }: { readonly email: string },
): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const returnTo = returnToOf(reply.request);
  const toApplication = appWay(reply, returnTo.url);
  return sendPage(reply, {
    locale,
    title: translate('pages.signInPage.signedInTitle'),
    mayLeave: true,
    body: html`${returnNotice(reply, returnTo)}${accountRow(translate('pages.signInPage.signedInAs'), email)}`,
    ways: toApplication.length > 0 ? toApplication : [startWay(reply)],
    after: signOutForm(reply, { isSecondary: true }),
  });
}

/** @param options.returnUrl where the browser goes after the form */
export function signOutForm(
  { request }: FastifyReply,
  options: { readonly isSecondary: boolean; readonly returnUrl?: string | undefined },
): Html {
  const { translate } = textsOf(request);
  const style = options.isSecondary ? html` class="secondary"` : html``;
  return html`<form method="post" action="${signOutPath}">
${hiddenField(returnToName, options.returnUrl)}<button type="submit"${style}>${translate('pages.signOut')}</button>
</form>`;
}
