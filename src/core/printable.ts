/** Text that a caller chose, as it may appear on a terminal, in a table and in the log. */

/**
 * C0, DEL and C1 controls, line and paragraph separators, marks that turn the direction of text around,
 * and the byte order mark (Unicode TR 36 §2.10).
 */
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;
const unprintables = new RegExp(unprintable, 'gu');

export function isPrintable(text: string): boolean {
  return text.isWellFormed() && !unprintable.test(text);
}

/** The text with a space for each character that could disturb what shows it. */
export function printable(text: string): string {
  return isPrintable(text) ? text : text.toWellFormed().replace(unprintables, ' ');
}

/** The same for a text of several lines. */
export function printableLines(text: string): string {
  return isPrintable(text) ? text : text.split('\n').map(printable).join('\n');
}

/** JSON on one line, with an escape for each such character in its strings; it parses to the same value. */
export function printableJson(json: string): string {
  return unprintable.test(json) ? json.replace(unprintables, escaped) : json;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
