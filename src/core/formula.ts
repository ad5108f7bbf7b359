/**
 * Text of CSV files that a spreadsheet would execute as a formula. An apostrophe before it makes it a text. The import
 * removes it, so that an exported file has the same values afterwards.
 */

/** Characters at the beginning of a formula, also their full-width forms, after any number of apostrophes. */
const formula = /^'*[=+\-@\t\r\uff0b\uff0d\uff1d\uff20]/;

/** With one apostrophe more, if the text begins like a formula. */
export function escapeFormula(text: string): string {
  return formula.test(text) ? `'${text}` : text;
}

/** The text before `escapeFormula`. */
export function unescapeFormula(text: string): string {
  return text.startsWith("'") && formula.test(text) ? text.slice(1) : text;
}
