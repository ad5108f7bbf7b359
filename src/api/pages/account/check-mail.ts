/** The page after a request that sends a mail. It is the same for known and unknown addresses. */
import type { FastifyReply } from 'fastify';
import { renderCodeForm } from '../code-form.ts';
import { hiddenField } from '../fields.ts';
import { html, sendPage } from '../page.ts';
import { textsOf } from '../presentation.ts';
import { forgotPasswordPath, resendPath, signInWay } from '../ways.ts';
import { returnToName, returnToOf } from './return-to.ts';

const variants = {
  register: {
    sent: 'pages.registerPage.sent',
    noMail: 'pages.registerPage.noMail',
    again: 'pages.resend',
    path: resendPath,
  },
  resendVerificationEmail: {
    sent: 'pages.resendPage.sent',
    noMail: 'pages.registerPage.noMail',
    again: 'pages.resend',
    path: resendPath,
  },
  requestPasswordReset: {
    sent: 'pages.forgotPasswordPage.sent',
    noMail: 'pages.forgotPasswordPage.noMail',
    again: 'pages.forgotPasswordPage.again',
    path: forgotPasswordPath,
  },
} as const;

export function sendCheckMail(
  reply: FastifyReply,
  { operation, email }: { readonly operation: keyof typeof variants; readonly email: string },
): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const { url } = returnToOf(reply.request);
  const { sent, noMail, again, path } = variants[operation];
  return sendPage(reply, {
    locale,
    mark: 'done',
    title: translate('pages.registerPage.sentTitle'),
    body: html`<p>${translate(sent, { email })}</p>
${path === resendPath ? renderCodeForm(reply, hiddenField('email', email), { isWrong: false }) : ''}`,
    after: html`<form method="post" action="${path}" class="again">
<p class="quiet">${translate(noMail)}</p>
${hiddenField('email', email)}${hiddenField(returnToName, url)}<button type="submit" class="secondary">${translate(again)}</button>
</form>
<ul class="ways"><li><a href="${signInWay(reply, url).href}">${translate('pages.signIn')}</a></li></ul>`,
  });
}
