/**
 * The page behind the link of a verification mail. For a registration, and for an account that is in use
 * already, it asks for the password, so that the owner of the address confirms no other; a second button
 * removes a registration.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { VerificationCodeOwner } from '../../features/authentication/email-verification.ts';
import { type Translate, textsIn } from '../../i18n/translate.ts';
import type { CompiledDocument } from '../graphql/compiled-operations.ts';
import type { PageDeps } from './code-pages.ts';
import { runOperation, selection, textOf } from './link-operations.ts';
import {
  accountRow,
  type Html,
  html,
  pageLocale,
  sendDeadLink,
  sendFailure,
  sendIncomplete,
  sendPage,
} from './page.ts';
import { passwordField } from './password-form.ts';

const path = '/verify-email';
const verifyDocument = `mutation ($code: String!, $password: String) {
  result: verifyEmail(code: $code, password: $password) ${selection}
}`;
const cancelDocument = `mutation ($code: String!) { result: cancelRegistration(code: $code) ${selection} }`;

export function serveVerifyEmailPage(app: FastifyInstance, parts: PageDeps): void {
  const options = { config: { speaks: 'rest' }, errorHandler: sendFailure } as const;
  const [verify, cancel] = [verifyDocument, cancelDocument].map(parts.compileDocument) as [
    CompiledDocument,
    CompiledDocument,
  ]; // one for each document
  app.get(path, options, (request, reply) =>
    sendVerificationForm(parts, reply, { code: textOf(request.query, 'code') }),
  );
  app.post(path, options, async (request, reply) => {
    const code = textOf(request.body, 'code');
    if (code === undefined) return sendIncomplete(reply);
    if (textOf(request.body, 'decision') === 'cancel') {
      const problem = await runOperation(cancel, request, { code });
      return problem ? sendDeadLink(reply, 'verifyEmail') : sendDone(reply, 'cancelled');
    }
    return confirm(parts, verify, request, reply, code);
  });
}

async function confirm(
  parts: PageDeps,
  verify: CompiledDocument,
  request: FastifyRequest,
  reply: FastifyReply,
  code: string,
): Promise<FastifyReply> {
  const owner = await parts.linkOwners.ownerOfVerificationCode(code);
  if (!owner) return sendDeadLink(reply, 'verifyEmail');
  const password = owner.needsPassword ? (textOf(request.body, 'password') ?? '') : undefined;
  if (password === '') return sendVerificationForm(parts, reply, { code, fault: 'empty' });
  const problem = await runOperation(verify, request, { code, password });
  if (!problem) return sendDone(reply, 'done');
  const isDead = problem.code === 'INVALID_CODE';
  return isDead
    ? sendDeadLink(reply, 'verifyEmail')
    : sendVerificationForm(parts, reply, { code, fault: 'wrongPassword' });
}

/** Asks for the decision. Also answers HEAD. */
export async function sendVerificationForm(
  { linkOwners }: Pick<PageDeps, 'linkOwners'>,
  reply: FastifyReply,
  {
    code,
    fault,
  }: { readonly code: string | undefined; readonly fault?: 'empty' | 'wrongPassword' },
): Promise<FastifyReply> {
  if (code === undefined) return sendIncomplete(reply);
  const owner = await linkOwners.ownerOfVerificationCode(code);
  if (!owner) return sendDeadLink(reply, 'verifyEmail');
  const locale = pageLocale(reply.request);
  const translate = textsIn(locale);
  const title = translate('pages.verifyEmail.title');
  return sendPage(reply, {
    locale,
    status: fault === undefined ? 200 : 400,
    title,
    tabTitle: fault === undefined ? title : translate('pages.errorTitle', { title }),
    body: html`<p>${translate(`pages.verifyEmail.${bodyOf(owner)}`)}</p>
${accountRow(translate('pages.address'), owner.email)}
${formOf(translate, owner, { code, fault })}`,
  });
}

function bodyOf({ isRegistration, needsPassword }: VerificationCodeOwner) {
  if (isRegistration) return 'registrationBody';
  return needsPassword ? 'accountBody' : 'body';
}

/** The hidden username tells a password manager which account it is. */
function formOf(
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
  const locale = pageLocale(reply.request);
  const translate = textsIn(locale);
  return sendPage(reply, {
    locale,
    mark: 'done',
    title: translate(`pages.verifyEmail.${outcome}Title`),
    body: html`<p>${translate(`pages.verifyEmail.${outcome}`)}</p>
<p class="quiet">${translate('pages.closeHint')}</p>`,
  });
}
