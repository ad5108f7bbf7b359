/** The page `/sign-in`. It keeps the session in the session cookie and leads back to the application. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ProblemCode } from '../../../core/errors.ts';
import { contextOf } from '../../http/context.ts';
import { faultSummary, hiddenField, textField } from '../fields.ts';
import { executeOperation, selection, textOf } from '../link-operations.ts';
import { type Html, html, sendPage } from '../page.ts';
import { passwordField } from '../password-form.ts';
import { brandOf, textsOf } from '../presentation.ts';
import { forgotPasswordPath, registerPath, resendPath, signInPath, startPath } from '../ways.ts';
import {
  type AccountPageDeps,
  accountPageOptions,
  returnNotice,
  tabTitle,
} from './account-page.ts';
import { type ReturnTo, returnToName, returnToOf, withReturnTo } from './return-to.ts';
import { sendSignedIn } from './signed-in.ts';

const document = `mutation ($input: LoginInput!) { result: login(input: $input) ${selection} }`;

export function serveSignInPage(app: FastifyInstance, deps: AccountPageDeps): void {
  const login = deps.prepareDocument(document);
  app.get(signInPath, accountPageOptions, async (request, reply) => {
    const owner = await deps.cookieOwner(contextOf(request));
    return owner ? sendSignedIn(reply, owner) : sendForm(reply, {});
  });
  app.post(signInPath, accountPageOptions, async (request, reply) => {
    const email = textOf(request.body, 'email');
    const password = textOf(request.body, 'password');
    if (email === undefined || password === undefined) {
      return sendForm(reply, { email, fault: { email, password } });
    }
    const problem = await executeOperation(login, request, { input: { email, password } });
    if (problem) return sendForm(reply, { email, fault: problem.code });
    const target = returnToOf(request).url ?? brandOf(request).appUrl ?? startPath;
    return reply.redirect(target, 303);
  });
}

/** The problem of the login, or the fields of which one is missing. */
type SignInFault =
  | ProblemCode
  | { readonly email: string | undefined; readonly password: string | undefined };

interface SignInForm {
  /** The typed address. The form never contains the typed password. */
  readonly email?: string | undefined;
  readonly fault?: SignInFault;
}

function sendForm(reply: FastifyReply, form: SignInForm): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const returnTo = returnToOf(reply.request);
  const hasFault = form.fault !== undefined;
  return sendPage(reply, {
    locale,
    status: hasFault ? 400 : 200,
    title: translate('pages.signInPage.titleTo'),
    tabTitle: tabTitle(reply, translate('pages.signInPage.title'), hasFault),
    mayLeave: true,
    body: html`${returnNotice(reply, returnTo)}${renderFailure(reply, form)}${renderForm(reply, form, returnTo)}`,
    after: html`<p class="aside">${translate('pages.signInPage.noAccount')} <a href="${withReturnTo(registerPath, returnTo.url)}">${translate('pages.register')}</a></p>`,
  });
}

/** The text for a login that failed. It has the same words for unknown addresses and wrong passwords. */
function renderFailure({ request }: FastifyReply, { email = '', fault }: SignInForm): Html {
  if (typeof fault !== 'string') return html``;
  const { translate } = textsOf(request);
  if (fault !== 'ACCOUNT_NOT_ACTIVE') {
    return html`<div class="faults"><p id="failure">${translate('pages.signInPage.failed')} <a href="${resendPath}">${translate('pages.signInPage.confirm')}</a></p></div>
`;
  }
  return html`<div class="faults"><p id="failure">${translate('pages.signInPage.notActive')}</p></div>
<form method="post" action="${resendPath}" class="again">
${hiddenField('email', email)}<button type="submit" class="secondary">${translate('pages.resend')}</button>
</form>
`;
}

function renderForm(reply: FastifyReply, { email, fault }: SignInForm, returnTo: ReturnTo): Html {
  const { translate } = textsOf(reply.request);
  const hasFailed = typeof fault === 'string';
  const missing = typeof fault === 'object' ? fault : { email: '', password: '' };
  const describedBy = hasFailed ? ['failure'] : [];
  const faults = {
    email: missing.email === undefined ? translate('pages.fieldFaults.emailMissing') : undefined,
    password:
      missing.password === undefined ? translate('pages.fieldFaults.passwordMissing') : undefined,
  };
  return html`${faultSummary(translate, Object.entries(faults))}<form method="post" action="${signInPath}" novalidate>
${hiddenField(returnToName, returnTo.url)}${textField({
  name: 'email',
  label: translate('pages.email'),
  value: email ?? '',
  type: 'email',
  autocomplete: 'username',
  fault: faults.email,
  isFocused: faults.email !== undefined,
  describedBy,
})}
${passwordField({
  name: 'password',
  label: translate('pages.password'),
  autocomplete: 'current-password',
  fault: faults.password,
  isFocused: hasFailed || (faults.password !== undefined && faults.email === undefined),
  describedBy,
})}
<button type="submit">${translate('pages.signIn')}</button>
<p class="below"><a href="${withReturnTo(forgotPasswordPath, returnTo.url)}">${translate('pages.forgotPassword')}</a></p>
</form>`;
}
