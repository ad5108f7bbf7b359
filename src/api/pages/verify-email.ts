/**
 * The page of a verification link. For a registration, and for an account that is in use, it asks for the
 * password, so that the owner of the address does not confirm the account of another person. A second button
 * deletes a registration.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { VerificationCodeOwner } from '../../features/authentication/email-verification.ts';
import type { Translate } from '../../i18n/translate.ts';
import type { ExecuteOperation } from '../graphql/operations.ts';
import type { PageDeps } from './code-pages.ts';
import { executeOperation, selection, textOf } from './link-operations.ts';
import {
  accountRow,
  type Html,
  html,
  sendFailure,
  sendIncompleteLink,
  sendInvalidLink,
  sendPage,
} from './page.ts';
import { passwordField } from './password-form.ts';
import { textsOf } from './presentation.ts';

const path = '/verify-email';
const verifyDocument = `mutation ($code: String!, $password: String) {
  result: verifyEmail(code: $code, password: $password) ${selection}
}`;
const cancelDocument = `mutation ($code: String!) { result: cancelRegistration(code: $code) ${selection} }`;

export function serveVerifyEmailPage(app: FastifyInstance, deps: PageDeps): void {
  const options = { config: { format: 'rest' }, errorHandler: sendFailure } as const;
  const verify = deps.prepareDocument(verifyDocument);
  const cancel = deps.prepareDocument(cancelDocument);
  app.get(path, options, (request, reply) =>
    sendVerificationForm(deps, reply, { code: textOf(request.query, 'code') }),
  );
  app.post(path, options, async (request, reply) => {
    const code = textOf(request.body, 'code');
    if (code === undefined) return sendIncompleteLink(reply);
    if (textOf(request.body, 'decision') === 'cancel') {
      const problem = await executeOperation(cancel, request, { code });
      return problem ? sendInvalidLink(reply, 'verifyEmail') : sendDone(reply, 'cancelled');
    }
    return confirm(deps, verify, request, reply, code);
  });
}

async function confirm(
  deps: PageDeps,
  verify: ExecuteOperation,
  request: FastifyRequest,
  reply: FastifyReply,
  code: string,
): Promise<FastifyReply> {
  const owner = await deps.linkOwners.ownerOfVerificationCode(code);
  if (!owner) return sendInvalidLink(reply, 'verifyEmail');
  const password = owner.needsPassword ? (textOf(request.body, 'password') ?? '') : undefined;
  if (password === '') return sendVerificationForm(deps, reply, { code, fault: 'empty' });
  const problem = await executeOperation(verify, request, { code, password });
  if (!problem) return sendDone(reply, 'done');
  return problem.code === 'INVALID_CODE'
    ? sendInvalidLink(reply, 'verifyEmail')
    : sendVerificationForm(deps, reply, { code, fault: 'wrongPassword' });
}

/** Sends the page with the buttons. Handles GET and HEAD. */
export async function sendVerificationForm(
  { linkOwners }: Pick<PageDeps, 'linkOwners'>,
  reply: FastifyReply,
  {
    code,
    fault,
  }: { readonly code: string | undefined; readonly fault?: 'empty' | 'wrongPassword' },
): Promise<FastifyReply> {
  if (code === undefined) return sendIncompleteLink(reply);
  const owner = await linkOwners.ownerOfVerificationCode(code);
  if (!owner) return sendInvalidLink(reply, 'verifyEmail');
  const { locale, translate } = textsOf(reply.request);
  const title = translate('pages.verifyEmail.title');
  return sendPage(reply, {
    locale,
    status: fault === undefined ? 200 : 400,
    title,
    tabTitle: fault === undefined ? title : translate('pages.errorTitle', { title }),
    body: html`<p>${translate(`pages.verifyEmail.${bodyKey(owner)}`)}</p>
${accountRow(translate('pages.address'), owner.email)}
${renderForm(translate, owner, { code, fault })}`,
  });
}

function bodyKey({ isRegistration, needsPassword }: VerificationCodeOwner) {
  if (isRegistration) return 'registrationBody';
  return needsPassword ? 'accountBody' : 'body';
}

/** The hidden username is for password managers. */
function renderForm(
  translate: Translate,
  { email, isRegistration, needsPassword }: VerificationCodeOwner,
  { code, fault }: { readonly code: string; readonly fault: 'empty' | 'wrongPassword' | undefined },
): Html {
  const faults = {
    empty: translate('pages.faults.empty'),
    wrongPassword: translate(
      `pages.verifyEmail.${isRegistration ? 'wrongPassword' : 'wrongAccountPassword'}`,
    ),
  };
  const password = passwordField({
    name: 'password',
    label: translate('pages.verifyEmail.password'),
    hint: undefined,
    fault: fault && faults[fault],
    isFocused: fault !== undefined,
    autocomplete: 'current-password',
  });
  const fields = html`<input type="text" name="username" value="${email}" autocomplete="username" hidden>
${password}
`;
  const cancel = html`
<p class="quiet aside">${translate('pages.verifyEmail.cancelHint')}</p>
<button type="submit" class="secondary" name="decision" value="cancel" formnovalidate>${translate('pages.verifyEmail.cancelButton')}</button>`;
  return html`<form method="post" action="${path}">
<input type="hidden" name="code" value="${code}">
${needsPassword ? fields : ''}<button type="submit">${translate('pages.verifyEmail.button')}</button>${isRegistration ? cancel : ''}
</form>`;
}

function sendDone(reply: FastifyReply, outcome: 'done' | 'cancelled'): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  return sendPage(reply, {
    locale,
    mark: 'done',
    title: translate(`pages.verifyEmail.${outcome}Title`),
    body: html`<p>${translate(`pages.verifyEmail.${outcome}`)}</p>
<p class="quiet">${translate('pages.closeHint')}</p>`,
  });
}
