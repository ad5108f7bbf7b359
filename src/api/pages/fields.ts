/** The fields of forms: label, hint, fault and input, connected for assistive technologies. */
import type { Translate } from '../../i18n/translate.ts';
import { Html, html } from './page.ts';

export interface Field {
  /** Also the id of the input. */
  readonly name: string;
  readonly label: string;
  readonly hint?: string | undefined;
  readonly fault?: string | undefined;
  readonly isOptional?: boolean;
  /** Whether the browser focuses the field when the page opens. */
  readonly isFocused?: boolean;
  /** Ids of other texts about the field. */
  readonly describedBy?: readonly string[];
}

/** @param attributes of the input besides those of every field */
export function renderField(field: Field, attributes: Html, isPassword = false): Html {
  const { name, label, hint, fault, describedBy = [] } = field;
  const notes = [
    ...(hint === undefined ? [] : [{ id: `${name}-hint`, style: 'hint', text: hint }]),
    ...(fault === undefined ? [] : [{ id: `${name}-error`, style: 'error', text: fault }]),
  ];
  const ids = [...describedBy, ...notes.map(({ id }) => id)].join(' ');
  const states = [
    ...(ids === '' ? [] : [html` aria-describedby="${ids}"`]),
    ...(fault === undefined && describedBy.length === 0 ? [] : [html` aria-invalid="true"`]),
    ...(field.isFocused ? [html` autofocus`] : []),
    ...(field.isOptional ? [] : [html` required`]),
  ];
  const state = new Html(states.map(({ text }) => text).join(''));
  const input = html`<input id="${name}" name="${name}" ${attributes}${state}>`;
  return html`<div class="field">
<label for="${name}">${label}</label>
${notes.map(({ id, style, text }) => html`<p id="${id}" class="${style}">${text}</p>`)}
${isPassword ? html`<div class="password">${input}</div>` : input}
</div>`;
}

export interface TextField extends Field {
  readonly value: string;
  readonly type: 'email' | 'text';
  readonly autocomplete: 'email' | 'username' | 'given-name' | 'family-name';
}

export function textField({ value, type, autocomplete, ...field }: TextField): Html {
  const isName = type === 'text';
  const typing = isName ? html`` : html` autocapitalize="none" spellcheck="false"`;
  return renderField(
    field,
    html`type="${type}" value="${value}" autocomplete="${autocomplete}"${typing}`,
  );
}

/** The field for a code that a person types. */
export function codeField({ value, ...field }: Field & { readonly value: string }): Html {
  return renderField(
    field,
    html`type="text" value="${value}" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"`,
  );
}

/** Lists the faults of a form with links to the fields, if there are several. One fault is at its field only. */
export function faultSummary(
  translate: Translate,
  faults: readonly (readonly [field: string, fault: string | undefined])[],
): Html {
  const items = faults.flatMap(([name, fault]) =>
    fault === undefined ? [] : [html`<li><a href="#${name}">${fault}</a></li>`],
  );
  if (items.length < 2) return html``;
  return html`<div class="faults" role="group" aria-labelledby="faults-title">
<h2 id="faults-title">${translate('pages.problems')}</h2>
<ul>
${items}
</ul>
</div>
`;
}

/** The hidden input for `return_to`. */
export function hiddenField(name: string, value: string | undefined): Html {
  return value === undefined
    ? html``
    : html`<input type="hidden" name="${name}" value="${value}">
`;
}
