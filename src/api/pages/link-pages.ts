/** The pages for links of mails that do not work, and the next steps after a link was used. */
import type { FastifyReply } from 'fastify';
import { textField } from './fields.ts';
import { type Html, html, type Page, sendPage } from './page.ts';
import { textsOf } from './presentation.ts';
import {
  appWay,
  forgotPasswordPath,
  forgotPasswordWay,
  resendPath,
  resetPasswordWay,
  signInWay,
} from './ways.ts';

/** The page for a link without its code or token. */
export function sendIncompleteLink(reply: FastifyReply): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  return sendPage(reply, {
    locale,
    status: 400,
    mark: 'failed',
    title: translate('pages.linkIncomplete.title'),
    body: html`<p>${translate('pages.linkIncomplete.body')}</p>`,
    ways: [signInWay(reply), forgotPasswordWay(reply), ...appWay(reply)],
  });
}

export type LinkPage = 'verifyEmail' | 'confirmEmailChange' | 'cancelEmailChange' | 'resetPassword';

/** The page for a link that is used, expired or unknown. It reveals neither the reason nor the account. */
export function sendInvalidLink(reply: FastifyReply, page: LinkPage): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  return sendPage(reply, {
    locale,
    status: 400,
    mark: 'failed',
    title: translate(`pages.${page}.deadTitle`),
    body: html`<p>${translate(`pages.${page}.dead`)}</p>
<p>${translate(`pages.${page}.deadHelp`)}</p>
${nextForm(reply, page)}`,
    ways: nextWays(reply, page),
  });
}

/** The form that sends a new link, for the links that the recipient can request alone. */
function nextForm(reply: FastifyReply, page: LinkPage): Html {
  const { translate } = textsOf(reply.request);
  if (page === 'verifyEmail') return mailForm(reply, resendPath, translate('pages.resend'));
  if (page === 'resetPassword') {
    return mailForm(reply, forgotPasswordPath, translate('pages.forgotPasswordPage.again'));
  }
  return html``;
}

function mailForm(reply: FastifyReply, action: string, button: string): Html {
  // Otherwise browsers send no origin with the form. Other origins still receive no referrer.
  reply.header('referrer-policy', 'same-origin');
  const email = textField({
    name: 'email',
    label: textsOf(reply.request).translate('pages.email'),
    value: '',
    type: 'email',
    autocomplete: 'username',
  });
  return html`<form method="post" action="${action}" novalidate>
${email}
<button type="submit">${button}</button>
</form>`;
}

function nextWays(reply: FastifyReply, page: LinkPage): NonNullable<Page['ways']> {
  const first = page === 'cancelEmailChange' ? resetPasswordWay : signInWay;
  return [first(reply), ...appWay(reply)];
}
