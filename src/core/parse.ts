/**
 * Parsers of raw input. Text is well-formed and of bounded length, addresses are canonical, ids are UUIDs.
 * Invalid input is VALIDATION_FAILED with the name of the field and a message with the remedy. The message
 * never repeats the input.
 */
import { validate as isUuid } from 'uuid';
import { canonicalEmail } from './canonical-email.ts';
import { type FieldProblem, Problem } from './errors.ts';
import { maxLengths, maxListLength } from './max-lengths.ts';
import { type PasswordFault, passwordFaultSentence } from './password-fault.ts';
import { isPrintable } from './text.ts';
import { parseRfc3339, timeFault } from './time.ts';

declare const brand: unique symbol;
type Branded<Value, Name extends string> = Value & { readonly [brand]: Name };

/** Canonical: trimmed, lower case, local part in ASCII, domain in its ASCII form. */
export type EmailAddress = Branded<string, 'EmailAddress'>;
export type Username = Branded<string, 'Username'>;
export type PersonName = Branded<string, 'PersonName'>;

/** The reason why one value is invalid; `parseFields` turns it into a field of the problem. */
class Fault extends Error {
  readonly passwordFault: PasswordFault | undefined;

  constructor(message: string, passwordFault?: PasswordFault) {
    super(message);
    this.passwordFault = passwordFault;
  }
}

/**
 * Runs all parsers and reports all faults together.
 *
 * @throws VALIDATION_FAILED with one field per fault
 */
export function parseFields<Parsers extends Record<string, () => unknown>>(
  parsers: Parsers,
): { [Name in keyof Parsers]: ReturnType<Parsers[Name]> } {
  const fields: FieldProblem[] = [];
  const passwordFaults = new Map<string, PasswordFault>();
  const values: Record<string, unknown> = {};
  for (const [path, parser] of Object.entries(parsers)) {
    try {
      values[path] = parser();
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fields.push({ path, message: error.message });
      if (error.passwordFault) passwordFaults.set(path, error.passwordFault);
    }
  }
  if (fields.length > 0) throw new Problem('VALIDATION_FAILED', { fields, passwordFaults });
  return values as { [Name in keyof Parsers]: ReturnType<Parsers[Name]> }; // filled key by key above
}

/** @throws VALIDATION_FAILED for the field `path`, with a message for the caller, unless `isValid` */
export function assertField(path: string, isValid: boolean, message: string): void {
  if (!isValid) throw new Problem('VALIDATION_FAILED', { fields: [{ path, message }] });
}

/** Rejects the value inside a parser, with a message for the caller. */
export function rejectValue(message: string): never {
  throw new Fault(message);
}

/** Rejects a password inside a parser. */
export function rejectPassword(fault: PasswordFault): never {
  throw new Fault(passwordFaultSentence(fault), fault);
}

/** Spaces, combining marks, and code points without a visible glyph. */
const invisible = /[\p{Z}\p{C}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Printable text of 1 to `maxLength` code points, without surrounding white space. */
function parseText(raw: unknown, maxLength: number): string {
  if (typeof raw !== 'string') rejectValue('Must be a text.');
  const text = raw.trim();
  if (text === '') rejectValue('Must not be empty.');
  // A code point has at most two UTF-16 units: the cheap check comes first, for very long input.
  if (text.length > 2 * maxLength || [...text].length > maxLength) {
    rejectValue(`Must not be longer than ${maxLength} characters.`);
  }
  if (!text.isWellFormed()) rejectValue('Must be well-formed Unicode.');
  if (!isPrintable(text)) rejectValue('Must not contain control characters or line breaks.');
  if (text.replace(invisible, '') === '') rejectValue('Must contain a visible character.');
  return text;
}

/** The same in NFC, for texts that are compared: a letter can be typed as two code points. */
function parseNormalText(raw: unknown, maxLength: number): string {
  return parseText(raw, maxLength).normalize('NFC');
}

/** An email address in canonical form. The local part is ASCII: look-alike characters are rejected. */
export function parseEmail(raw: unknown): EmailAddress {
  const email = canonicalEmail(parseText(raw, maxLengths.email));
  return email === undefined
    ? rejectValue('Must be an email address such as name@example.com.')
    : (email as EmailAddress); // canonical
}

const usernamePattern = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;

/** 1 to 150 letters, digits and `. _ + -`. Never an `@`, which distinguishes email addresses. */
export function parseUsername(raw: unknown): Username {
  const text = parseText(raw, maxLengths.username);
  if (!usernamePattern.test(text)) {
    rejectValue('Use letters, digits and . _ + - only, beginning with a letter or digit.');
  }
  return text as Username; // tested above
}

const linkLike = /[<>"\\/]|:\/\/|www\./i;
/** A person's name of at most 150 characters, without text that a mail program could show as a link. */
export function parsePersonName(raw: unknown): PersonName {
  const text = parseNormalText(raw, maxLengths.personName);
  // Look-alikes, such as a wide dot, become the characters that they look like.
  if (linkLike.test(text.normalize('NFKC'))) {
    rejectValue('Must be a name, without links or any of < > " \\ /.');
  }
  return text as PersonName; // tested above
}

/** A username; null for an empty text, for an account without a username. */
export function parseUsernameOrNone(raw: unknown): Username | null {
  return raw === '' ? null : parseUsername(raw);
}

/** The id of the account in another system, in any notation. It is compared as it is, without normalization. */
export function parseExternalId(raw: unknown): string {
  return parseText(raw, maxLengths.externalId);
}

/** The same; null for an empty text, for an account without one. */
export function parseExternalIdOrNone(raw: unknown): string | null {
  return raw === '' ? null : parseExternalId(raw);
}

/** A family name; empty for a person with one name. */
export function parseLastName(raw: unknown): PersonName {
  return raw === '' ? ('' as PersonName) : parsePersonName(raw); // an empty name is valid
}

/** The name at login: an email address, or a username if it has no `@`. */
export type LoginName =
  | { readonly kind: 'email'; readonly value: EmailAddress }
  | { readonly kind: 'username'; readonly value: Username };

/** The name in canonical form; undefined if no account can have it. */
export function parseLoginName(raw: unknown): LoginName | undefined {
  const text = parseText(raw, maxLengths.email);
  if (!text.includes('@')) {
    return usernamePattern.test(text)
      ? { kind: 'username', value: text as Username } // tested in this line
      : undefined;
  }
  const email = canonicalEmail(text);
  return email === undefined ? undefined : { kind: 'email', value: email as EmailAddress }; // canonical
}

/** A language tag such as `en` or `es-MX`, in canonical form (BCP 47). */
export function parseLocale(raw: unknown): string {
  const text = parseText(raw, maxLengths.locale);
  try {
    return new Intl.Locale(text).toString();
  } catch {
    return rejectValue('Must be a language tag such as en or es-MX.');
  }
}

/** A password for verification, unchanged. The password policy does not apply. */
export function parsePresentedPassword(raw: unknown): string {
  if (typeof raw !== 'string') rejectValue('Must be a text.');
  if (raw === '') rejectPassword({ code: 'PASSWORD_EMPTY' });
  if (raw.length > 2 * maxLengths.password || [...raw].length > maxLengths.password) {
    rejectPassword({ code: 'PASSWORD_TOO_LONG', limit: maxLengths.password });
  }
  if (!raw.isWellFormed()) rejectPassword({ code: 'PASSWORD_MALFORMED' });
  return raw;
}

/** A one-time code or token that a person pasted. */
export function parsePastedSecret(raw: unknown): string {
  return parseText(raw, maxLengths.pastedSecret);
}

/** The same for callers that answer invalid and unknown secrets equally: undefined for invalid text. */
export function readPastedSecret(raw: unknown): string | undefined {
  try {
    return parsePastedSecret(raw);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

/** The name of a group or the code of a permission, for a lookup. */
export function parseLookupName(raw: unknown): string {
  return parseNormalText(raw, maxLengths.name);
}

/** An id; undefined for other text. No object can have it, so the caller reports NOT_FOUND. */
export function parseId(raw: unknown): string | undefined {
  return typeof raw === 'string' && isUuid(raw) ? raw.toLowerCase() : undefined;
}

/** A search text of 1 to 100 characters. */
export function parseSearch(raw: unknown): string {
  return parseNormalText(raw, maxLengths.search);
}

/** A point in time: a date, or its text in RFC 3339 such as `2026-01-31T12:00:00Z`. */
export function parseInstant(raw: unknown): Date {
  if (raw instanceof Date) return raw;
  return parseRfc3339(raw) ?? rejectValue(timeFault);
}

export function parseBoolean(raw: unknown): boolean {
  return typeof raw === 'boolean' ? raw : rejectValue('Must be true or false.');
}

/** Ids without duplicates. */
export function parseIds(raw: unknown): readonly string[] {
  if (!Array.isArray(raw)) rejectValue('Must be a list of ids.');
  if (raw.length > maxListLength) rejectValue(`Must not have more than ${maxListLength} ids.`);
  return [...new Set(raw.map((id) => parseId(id) ?? rejectValue('Must be a list of ids.')))];
}

/** Text without control characters; can be empty. */
export function parseDescription(raw: unknown): string {
  return raw === '' ? '' : parseNormalText(raw, maxLengths.description);
}

/** The name of a group. */
export function parseGroupName(raw: unknown): string {
  return parseNormalText(raw, maxLengths.name);
}

const codenamePattern = /^[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+)*$/;

/** The code of a permission, such as `shop.view_order`; `*` matches any run of characters. */
export function parseCodename(raw: unknown): string {
  const text = parseText(raw, maxLengths.codename);
  return codenamePattern.test(text)
    ? text
    : rejectValue(
        'Use letters, digits and _ - *, in parts with dots between, such as shop.view_order.',
      );
}

/** The parsed value; undefined if there is no value. */
export function optional<Value>(raw: unknown, parser: (raw: unknown) => Value): Value | undefined {
  return raw === undefined || raw === null ? undefined : parser(raw);
}
