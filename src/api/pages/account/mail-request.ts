/**
 * The pages that send a mail to a typed address: `/forgot-password`, and `/resend-verification` for a new verification
 * mail. The answer is the same for every address.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';
import { hiddenField, textField } from '../fields.ts';
import { executeOperation, selection, textOf } from '../link-operations.ts';
import { type Html, html, sendPage } from '../page.ts';
import { textsOf } from '../presentation.ts';
import { forgotPasswordPath, resendPath, signInWay } from '../ways.ts';
import {
  type AccountPageDeps,
  accountPageOptions,
  returnNotice,
  tabTitle,
} from './account-page.ts';
import { sendCheckMail } from './check-mail.ts';
import { returnToName, returnToOf } from './return-to.ts';

interface MailRequest {
  readonly path: string;
  readonly operation: 'requestPasswordReset' | 'resendVerificationEmail';
  readonly texts: 'forgotPasswordPage' | 'resendPage';
  readonly button: 'pages.forgotPasswordPage.button' | 'pages.resend';
}

const passwordReset: MailRequest = {
  path: forgotPasswordPath,
  operation: 'requestPasswordReset',
  texts: 'forgotPasswordPage',
  button: 'pages.forgotPasswordPage.button',
};

const verification: MailRequest = {
  path: resendPath,
  operation: 'resendVerificationEmail',
  texts: 'resendPage',
  button: 'pages.resend',
};

export function serveMailRequestPages(app: FastifyInstance, deps: AccountPageDeps): void {
  for (const page of [passwordReset, verification]) serveMailRequest(app, page, deps);
  // A password manager opens this address to change a password (W3C, Change Password URL).
  app.get('/.well-known/change-password', (_request, reply) => reply.redirect(forgotPasswordPath));
}

function serveMailRequest(
  app: FastifyInstance,
  page: MailRequest,
  { prepareDocument }: AccountPageDeps,
): void {
  const execute = prepareDocument(
    `mutation ($email: String!) { result: ${page.operation}(email: $email) ${selection} }`,
  );
  app.get(page.path, accountPageOptions, async (_request, reply) => sendForm(reply, page, {}));
  app.post(page.path, accountPageOptions, async (request, reply) => {
    const email = textOf(request.body, 'email') ?? '';
    const problem = await executeOperation(execute, request, { email });
    return problem
      ? sendForm(reply, page, { refused: email })
      : sendCheckMail(reply, { operation: page.operation, email });
  });
}

function sendForm(
  reply: FastifyReply,
  page: MailRequest,
  { refused }: { readonly refused?: string },
): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const returnTo = returnToOf(reply.request);
  const hasFault = refused !== undefined;
  const title = translate(`pages.${page.texts}.title`);
  return sendPage(reply, {
    locale,
    status: hasFault ? 400 : 200,
    title,
    tabTitle: tabTitle(reply, title, hasFault),
    body: html`${returnNotice(reply, returnTo)}<p>${translate(`pages.${page.texts}.body`)}</p>
${renderForm(reply, page, { refused, returnUrl: returnTo.url })}`,
    ways: [signInWay(reply, returnTo.url)],
  });
}

function renderForm(
  { request }: FastifyReply,
  { path, button }: MailRequest,
  {
    refused,
    returnUrl,
  }: { readonly refused: string | undefined; readonly returnUrl: string | undefined },
): Html {
  const { translate } = textsOf(request);
  const faultKey = refused?.trim() === '' ? 'emailMissing' : 'emailInvalid';
  const email = textField({
    name: 'email',
    label: translate('pages.email'),
    value: refused ?? '',
    type: 'email',
    autocomplete: 'username',
    fault: refused === undefined ? undefined : translate(`pages.fieldFaults.${faultKey}`),
    isFocused: refused !== undefined,
  });
  return html`<form method="post" action="${path}" novalidate>
${hiddenField(returnToName, returnUrl)}${email}
<button type="submit">${translate(button)}</button>
</form>`;
}
