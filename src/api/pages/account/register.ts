/** The page `/register`. The answer to the form is the same for free and for taken addresses. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Problem } from '../../../core/errors.ts';
import type { Translate } from '../../../i18n/translate.ts';
import { contextOf } from '../../http/context.ts';
import { faultSummary, hiddenField, textField } from '../fields.ts';
import { executeOperation, selection, textOf } from '../link-operations.ts';
import { type Html, html, sendPage } from '../page.ts';
import { faultTextOf, passwordField } from '../password-form.ts';
import { textsOf } from '../presentation.ts';
import { registerPath, signInPath } from '../ways.ts';
import {
  type AccountPageDeps,
  accountPageOptions,
  returnNotice,
  tabTitle,
} from './account-page.ts';
import { sendCheckMail } from './check-mail.ts';
import { returnToName, returnToOf, withReturnTo } from './return-to.ts';
import { sendSignedIn } from './signed-in.ts';

const document = `mutation ($input: RegisterInput!) { result: register(input: $input) ${selection} }`;

export function serveRegisterPage(app: FastifyInstance, deps: AccountPageDeps): void {
  const register = deps.prepareDocument(document);
  app.get(registerPath, accountPageOptions, async (request, reply) => {
    const owner = await deps.cookieOwner(contextOf(request));
    return owner
      ? sendSignedIn(reply, owner)
      : sendForm(reply, deps, { typed: noValues, problem: undefined });
  });
  app.post(registerPath, accountPageOptions, async (request, reply) => {
    const typed = typedIn(request);
    const password = textOf(request.body, 'password') ?? '';
    const problem = await executeOperation(register, request, { input: { ...typed, password } });
    if (problem) return sendForm(reply, deps, { typed, problem });
    return sendCheckMail(reply, { operation: 'register', email: typed.email });
  });
}

const noValues = { firstName: '', lastName: '', email: '' } as const;

type Typed = Readonly<Record<keyof typeof noValues, string>>;

/** The values that the form shows again. The password is not one of them. */
function typedIn({ body }: FastifyRequest): Typed {
  const textIn = (name: keyof Typed) => textOf(body, name) ?? '';
  return {
    firstName: textIn('firstName'),
    lastName: textIn('lastName'),
    email: textIn('email'),
  };
}

interface RegisterForm {
  readonly typed: Typed;
  /** Why the registration was refused. */
  readonly problem: Problem | undefined;
}

function sendForm(
  reply: FastifyReply,
  { passwordMinLength }: AccountPageDeps,
  form: RegisterForm,
): FastifyReply {
  const { locale, translate } = textsOf(reply.request);
  const returnTo = returnToOf(reply.request);
  const hasFault = form.problem !== undefined;
  return sendPage(reply, {
    locale,
    status: hasFault ? 400 : 200,
    title: translate('pages.registerPage.titleTo'),
    tabTitle: tabTitle(reply, translate('pages.registerPage.title'), hasFault),
    body: html`${returnNotice(reply, returnTo)}${renderForm(translate, form, {
      minLength: passwordMinLength,
      returnUrl: returnTo.url,
    })}`,
    after: html`<p class="aside">${translate('pages.registerPage.haveAccount')} <a href="${withReturnTo(signInPath, returnTo.url)}">${translate('pages.signIn')}</a></p>`,
  });
}

function renderForm(
  translate: Translate,
  form: RegisterForm,
  { minLength, returnUrl }: { readonly minLength: number; readonly returnUrl: string | undefined },
): Html {
  const { typed } = form;
  const faults = faultsOf(translate, form);
  const faulty = Object.entries(faults);
  const focused = faulty.find(([, fault]) => fault !== undefined)?.[0];
  const stateOf = (name: keyof typeof faults) => ({
    name,
    fault: faults[name],
    isFocused: name === focused,
  });
  const nameField = (name: 'firstName' | 'lastName') =>
    textField({
      ...stateOf(name),
      label: translate(`pages.registerPage.${name}`),
      value: typed[name],
      type: 'text',
      isOptional: name === 'lastName',
      autocomplete: name === 'firstName' ? 'given-name' : 'family-name',
    });
  return html`${faultSummary(translate, faulty)}<form method="post" action="${registerPath}" novalidate>
${hiddenField(returnToName, returnUrl)}<div class="names">
${nameField('firstName')}
${nameField('lastName')}
</div>
${textField({
  ...stateOf('email'),
  label: translate('pages.email'),
  value: typed.email,
  type: 'email',
  autocomplete: 'username',
})}
${passwordField({
  ...stateOf('password'),
  label: translate('pages.password'),
  hint: translate('pages.resetPassword.hint', { count: minLength }),
  autocomplete: 'new-password',
  minLength,
})}
<button type="submit">${translate('pages.registerPage.button')}</button>
</form>`;
}

/** The texts for the faulty fields, in the order of the form. */
function faultsOf(translate: Translate, { typed, problem }: RegisterForm) {
  const isFaulty = (name: string) => problem?.fields.some(({ path }) => path === name) === true;
  const textFor = (name: keyof Typed): string | undefined => {
    if (!isFaulty(name)) return undefined;
    const isMissing = typed[name].trim() === '';
    if (name === 'email') {
      return translate(`pages.fieldFaults.${isMissing ? 'emailMissing' : 'emailInvalid'}`);
    }
    const isFirstMissing = isMissing && name === 'firstName';
    return translate(`pages.fieldFaults.${isFirstMissing ? 'firstNameMissing' : 'nameInvalid'}`);
  };
  return {
    firstName: textFor('firstName'),
    lastName: textFor('lastName'),
    email: textFor('email'),
    password: faultTextOf(translate, problem, 'password'),
  };
}
