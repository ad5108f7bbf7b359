/**
 * The page of a verification link, and of a code that a person types. For a registration, and for an account that is in
 * use, it asks for the password, so that the owner of the address does not confirm the account of another person. A
 * second button deletes a registration.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { readShortCode } from '../../crypto/one-time-secret.ts';
import type { VerificationCodeOwner } from '../../features/authentication/email-verification.ts';
import type { ExecuteOperation } from '../graphql/operations.ts';
import { returnToName, returnToOf } from './account/return-to.ts';
import { sendCodeForm, type TypedCode, verifyEmailPath } from './code-form.ts';
import type { PageDeps } from './code-pages.ts';
import { hiddenField } from './fields.ts';
import { executeOperation, selection, textOf } from './link-operations.ts';
import { sendIncompleteLink, sendInvalidLink } from './link-pages.ts';
import { accountRow, type Html, html, sendFailure, sendPage } from './page.ts';
import { passwordField } from './password-form.ts';
import { textsOf } from './presentation.ts';
import { redirectToResult, resultPages } from './result-pages.ts';

const path = verifyEmailPath;
const verifyDocument = `mutation ($code: String!, $password: String) {
  result: verifyEmail(code: $code, password: $password) ${selection}
}`;
const cancelDocument = `mutation ($code: String!) { result: cancelRegistration(code: $code) ${selection} }`;

type PasswordFaultName = 'empty' | 'wrongPassword';

export function serveVerifyEmailPage(app: FastifyInstance, deps: PageDeps): void {
  const options = { config: { format: 'rest' }, errorHandler: sendFailure } as const;
  const verify = deps.prepareDocument(verifyDocument);
  const cancel = deps.prepareDocument(cancelDocument);
  app.get(path, options, (request, reply) => sendVerificationPage(deps, request, reply));
  app.post(path, options, async (request, reply) => {
    const { code, email } = typedIn(request.body);
    if (code === undefined) return sendCodeForm(reply, { email }, { isWrong: true });
    if (textOf(request.body, 'decision') === 'cancel') {
      const problem = await executeOperation(cancel, request, { code });
      return problem
        ? sendInvalidLink(reply, 'verifyEmail')
        : redirectToResult(reply, resultPages.registrationRemoved);
    }
    const owner = await deps.linkOwners.ownerOfVerificationCode(code, email);
    if (owner) return confirm(verify, request, reply, owner);
    return isTyped({ code, email })
      ? sendCodeForm(reply, { code, email }, { isWrong: true })
      : sendInvalidLink(reply, 'verifyEmail');
  });
}

function typedIn(source: unknown): TypedCode {
  return { code: textOf(source, 'code'), email: textOf(source, 'email') };
}

/** Whether a person typed the code into the form. A link has the long code alone. */
function isTyped({ code = '', email }: TypedCode): boolean {
  return email !== undefined || readShortCode(code) !== undefined;
}

async function confirm(
  verify: ExecuteOperation,
  request: FastifyRequest,
  reply: FastifyReply,
  owner: VerificationCodeOwner,
): Promise<FastifyReply> {
  const password = owner.needsPassword ? (textOf(request.body, 'password') ?? '') : undefined;
  if (password === '') {
    // The form of the typed code has no field for the password.
    return sendForm(reply, owner, isTyped(typedIn(request.body)) ? undefined : 'empty');
  }
  const problem = await executeOperation(verify, request, { code: owner.code, password });
  if (!problem) return redirectToResult(reply, resultPages.addressVerified);
  return problem.code === 'INVALID_CODE'
    ? sendInvalidLink(reply, 'verifyEmail')
    : sendForm(reply, owner, 'wrongPassword');
}

/** Sends the page of the code in the query, or the form to type one. Handles GET and HEAD. */
export async function sendVerificationPage(
  { linkOwners }: Pick<PageDeps, 'linkOwners'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const typed = typedIn(request.query);
  const { code } = typed;
  // An empty or repeated code is a damaged link, and no link without a code.
  if (code === undefined && Object.hasOwn(Object(request.query), 'code'))
    return sendIncompleteLink(reply);
  // A short code is not checked before the form is sent: opening a page must not count as an attempt.
  if (code === undefined || isTyped(typed)) {
    return sendCodeForm(reply, typed, { isWrong: false });
  }
  const owner = await linkOwners.ownerOfVerificationCode(code);
  return owner ? sendForm(reply, owner) : sendInvalidLink(reply, 'verifyEmail');
}

/** Sends the page with the buttons. */
function sendForm(
  reply: FastifyReply,
  owner: VerificationCodeOwner,
  fault?: PasswordFaultName,
): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const title = translate('pages.verifyEmail.title');
  return sendPage(reply, {
    locale,
    status: fault === undefined ? 200 : 400,
    title,
    tabTitle: fault === undefined ? title : translate('pages.errorTitle', { title }),
    body: html`<p>${translate(`pages.verifyEmail.${bodyKey(owner)}`)}</p>
${accountRow(translate('pages.address'), owner.email)}
${renderForm(reply, owner, fault)}`,
  });
}

function bodyKey({ isRegistration, needsPassword }: VerificationCodeOwner) {
  if (isRegistration) return 'registrationBody';
  return needsPassword ? 'accountBody' : 'body';
}

/** The hidden username is for password managers. */
function renderForm(
  { request }: FastifyReply,
  { code, email, isRegistration, needsPassword }: VerificationCodeOwner,
  fault: PasswordFaultName | undefined,
): Html {
  const { translate } = textsOf(request);
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
${hiddenField(returnToName, returnToOf(request).url)}${needsPassword ? fields : ''}<button type="submit">${translate('pages.verifyEmail.button')}</button>${isRegistration ? cancel : ''}
</form>`;
}
