/** HTML that escapes what is put into it. */
import { escapeHtml } from '../../core/escape-html.ts';

/** A piece of HTML that needs no escaping any more. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** HTML with every value escaped, except those that are Html already. */
export function html(
  strings: TemplateStringsArray,
  ...values: readonly (string | Html | Html[])[]
): Html {
  const parts = strings.map((string, index) => {
    const value = values[index];
    if (value === undefined) return string;
    if (value instanceof Html) return string + value.text;
    if (Array.isArray(value)) return string + value.map(({ text }) => text).join('\n');
    return string + escapeHtml(value);
  });
  return new Html(parts.join(''));
}
