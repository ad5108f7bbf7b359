/** The form to choose a password with: two fields, each with its fault tied to it. */
import type { FieldProblem } from '../../core/errors.ts';
import type { Translate } from '../../i18n/translate.ts';
import { Html, html } from './page.ts';

export interface PasswordForm {
  readonly action: string;
  readonly uid: string;
  readonly token: string;
  readonly email: string;
  /** Code points. */
  readonly minLength: number;
  readonly fields: readonly FieldProblem[];
}

/**
 * The hidden username tells a password manager which account it is. Passwords are never written back. There is no maxlength, because a browser would
 * shorten a pasted password without a word.
 */
export function passwordForm(translate: Translate, form: PasswordForm): Html {
  const hint = translate('pages.resetPassword.hint', { count: form.minLength });
  const faults = {
    password: faultOf(translate, form.fields, 'password'),
    passwordConfirmation: faultOf(translate, form.fields, 'passwordConfirmation'),
  };
  const focused = faults.password === undefined ? 'passwordConfirmation' : 'password';
  const field = (name: keyof typeof faults, fieldHint?: string) =>
    passwordField({
      name,
      label: translate(`pages.resetPassword.${name}`),
      hint: fieldHint,
      fault: faults[name],
      isFocused: form.fields.length > 0 && name === focused,
      autocomplete: 'new-password',
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

/** `autocomplete` tells a password manager whether to fill in a password or to make one. */
export function passwordField({
  name,
  label,
  hint,
  fault,
  isFocused,
  autocomplete,
}: {
  readonly name: string;
  readonly label: string;
  readonly hint: string | undefined;
  readonly fault: string | undefined;
  readonly isFocused: boolean;
  readonly autocomplete: 'current-password' | 'new-password';
}): Html {
  const notes = [
    ...(hint === undefined ? [] : [{ id: `${name}-hint`, style: 'hint', text: hint }]),
    ...(fault === undefined ? [] : [{ id: `${name}-error`, style: 'error', text: fault }]),
  ];
  const describedBy = notes.map(({ id }) => id).join(' ');
  return html`<div class="field">
<label for="${name}">${label}</label>
${notes.map(({ id, style, text }) => html`<p id="${id}" class="${style}">${text}</p>`)}
<input id="${name}" name="${name}" type="password" autocomplete="${autocomplete}" autocapitalize="none" spellcheck="false" required${
    describedBy === '' ? '' : html` aria-describedby="${describedBy}"`
  }${fault === undefined ? '' : new Html(' aria-invalid="true"')}${
    isFocused ? new Html(' autofocus') : ''
  }>
</div>`;
}

type Sentence = (translate: Translate, count: number) => string;

const sentences: readonly (readonly [message: RegExp, Sentence])[] = [
  [/^Must not be empty\.$/, (translate) => translate('pages.faults.empty')],
  [
    /^Use at least (\d+) characters\.$/,
    (translate, count) => translate('pages.faults.tooShort', { count }),
  ],
  [
    /^(?:Use at most|Must not be longer than) (\d+) characters\.$/,
    (translate, count) => translate('pages.faults.tooLong', { count }),
  ],
  [/Unicode/, (translate) => translate('pages.faults.malformed')],
  [/on the lists that attackers/, (translate) => translate('pages.faults.common')],
  [/more than your name/, (translate) => translate('pages.faults.aboutYou')],
  [/^Must be equal to the password\.$/, (translate) => translate('pages.faults.notEqual')],
];

/** The sentence for a message of the service. */
export function passwordFault(translate: Translate, message: string): string {
  for (const [pattern, sentence] of sentences) {
    const match = pattern.exec(message);
    if (match) return sentence(translate, Number(match[1]));
  }
  return translate('pages.faults.other');
}

/** The fault of one field of the form, if it has any. */
function faultOf(
  translate: Translate,
  fields: readonly FieldProblem[],
  name: 'password' | 'passwordConfirmation',
): string | undefined {
  const field = fields.find(({ path }) => path === name);
  return field && passwordFault(translate, field.message);
}
