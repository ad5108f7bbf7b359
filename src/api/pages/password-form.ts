/** The form for a new password: two fields, each with the text of its fault. */
import type { Problem } from '../../core/errors.ts';
import { maxLengths } from '../../core/max-lengths.ts';
import type { PasswordFault } from '../../core/password-fault.ts';
import type { Translate } from '../../i18n/translate.ts';
import { type Field, renderField } from './fields.ts';
import { type Html, html } from './page.ts';

export interface PasswordForm {
  readonly action: string;
  readonly uid: string;
  readonly token: string;
  readonly email: string;
  /** Code points. */
  readonly minLength: number;
  /** Why the password that was sent is not accepted; undefined before one is sent. */
  readonly problem: Problem | undefined;
}

/** The hidden username names the account for a password manager. The form never contains a password. */
export function passwordForm(translate: Translate, form: PasswordForm): Html {
  const hint = translate('pages.resetPassword.hint', { count: form.minLength });
  const faults = {
    password: faultTextOf(translate, form.problem, 'password'),
    passwordConfirmation: faultTextOf(translate, form.problem, 'passwordConfirmation'),
  };
  const focused = faults.password === undefined ? 'passwordConfirmation' : 'password';
  const field = (name: keyof typeof faults, fieldHint?: string) =>
    passwordField({
      name,
      label: translate(`pages.resetPassword.${name}`),
      hint: fieldHint,
      fault: faults[name],
      isFocused: form.problem !== undefined && name === focused,
      autocomplete: 'new-password',
      minLength: form.minLength,
    });
  return html`<form method="post" action="${form.action}">
<input type="hidden" name="uid" value="${form.uid}">
<input type="hidden" name="token" value="${form.token}">
<input type="text" name="username" value="${form.email}" autocomplete="username" hidden>
${field('password', hint)}
${field('passwordConfirmation')}
<button type="submit">${translate('pages.resetPassword.button')}</button>
</form>`;
}

export interface PasswordField extends Field {
  /** Whether a password manager fills in a password or generates one. */
  readonly autocomplete: 'current-password' | 'new-password';
  /** Code points, for password managers that generate a password. */
  readonly minLength?: number;
}

/** There is no maxlength, because a browser would cut a pasted password without a message. */
export function passwordField({ autocomplete, minLength, ...field }: PasswordField): Html {
  const rules =
    minLength === undefined
      ? html``
      : html` passwordrules="minlength: ${String(minLength)}; maxlength: ${String(maxLengths.password)};"`;
  return renderField(
    field,
    html`type="password" autocomplete="${autocomplete}"${rules} autocapitalize="none" spellcheck="false"`,
    true,
  );
}

/** The text for a fault; a general one for a field problem that is no fault of a password. */
export function passwordFaultText(translate: Translate, fault: PasswordFault | undefined): string {
  switch (fault?.code) {
    case 'PASSWORD_EMPTY':
      return translate('pages.faults.empty');
    case 'PASSWORD_TOO_SHORT':
      return translate('pages.faults.tooShort', { count: fault.limit });
    case 'PASSWORD_TOO_LONG':
      return translate('pages.faults.tooLong', { count: fault.limit });
    case 'PASSWORD_MALFORMED':
      return translate('pages.faults.malformed');
    case 'PASSWORD_COMMON':
      return translate('pages.faults.common');
    case 'PASSWORD_PERSONAL':
      return translate('pages.faults.personal');
    case 'PASSWORD_MISMATCH':
      return translate('pages.faults.mismatch');
    case undefined:
      return translate('pages.faults.other');
  }
}

/** The text for a password field of a form; undefined when the field has no fault. */
export function faultTextOf(
  translate: Translate,
  problem: Problem | undefined,
  name: 'password' | 'passwordConfirmation',
): string | undefined {
  const isFaulty = problem?.fields.some(({ path }) => path === name);
  return isFaulty ? passwordFaultText(translate, problem?.passwordFaults.get(name)) : undefined;
}
