/**
 * Raw input to values that can be trusted: text is well-formed and of bounded length, an address is
 * canonical, an id is an id. Whatever is not acceptable becomes VALIDATION_FAILED with the field's
 * name and a sentence that says what to do; the input itself is never echoed.
 */
import { domainToASCII } from 'node:url';
import { validate as isUuid } from 'uuid';
import { type FieldProblem, Problem } from './errors.ts';
import { type PasswordFault, passwordFaultSentence } from './password-fault.ts';
import { isPrintable } from './text.ts';
import { parseRfc3339 } from './time.ts';

declare const brand: unique symbol;
type Branded<Value, Name extends string> = Value & { readonly [brand]: Name };

/** Canonical: trimmed, lower case, local part in ASCII, domain in its ASCII form. */
export type EmailAddress = Branded<string, 'EmailAddress'>;
export type Username = Branded<string, 'Username'>;
export type PersonName = Branded<string, 'PersonName'>;

/** Why one value is not acceptable; `parseFields` turns it into a field of the problem. */
class Fault extends Error {
  readonly passwordFault: PasswordFault | undefined;

  constructor(message: string, passwordFault?: PasswordFault) {
    super(message);
    this.passwordFault = passwordFault;
  }
}

/**
 * Runs every parser and reports all faults at once.
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

/** Refuses one field from inside a parser. */
export function refuse(message: string): never {
  throw new Fault(message);
}

/** Refuses a password from inside a parser. */
export function refusePassword(fault: PasswordFault): never {
  throw new Fault(passwordFaultSentence(fault), fault);
}

/** Spaces, marks without a letter, and code points that fonts draw as nothing. */
const invisible = /[\p{Z}\p{C}\p{M}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** Printable text of 1 to `maxLength` code points, without surrounding white space. */
function parseText(raw: unknown, maxLength: number): string {
  if (typeof raw !== 'string') refuse('Must be a text.');
  const text = raw.trim();
  if (text === '') refuse('Must not be empty.');
  // A code point takes at most two units: the cheap test first, for very long input.
  if (text.length > 2 * maxLength || [...text].length > maxLength) {
    refuse(`Must not be longer than ${maxLength} characters.`);
  }
  if (!text.isWellFormed()) refuse('Must be well-formed Unicode.');
  if (!isPrintable(text)) refuse('Must not contain control characters or line breaks.');
  if (text.replace(invisible, '') === '') refuse('Must contain a visible character.');
  return text;
}

/** The same in NFC, for what is compared: one letter may be typed as two code points. */
function parseNormalText(raw: unknown, maxLength: number): string {
  return parseText(raw, maxLength).normalize('NFC');
}

const localPart = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const domainPart =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

function canonicalEmail(text: string): EmailAddress | undefined {
  const at = text.lastIndexOf('@');
  const local = at < 1 ? undefined : asciiLowerCase(text.slice(0, at));
  const domain = canonicalDomain(text.slice(at + 1));
  if (local === undefined || local.length > 64 || !localPart.test(local)) return undefined;
  if (domain === undefined) return undefined;
  return `${local}@${domain}` as EmailAddress; // canonical by the tests above
}

/** Of a text with other letters nothing: some of them, such as the Kelvin sign, have an ASCII lower case. */
function asciiLowerCase(text: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(text) ? text.toLowerCase() : undefined;
}

/** Letters, digits, hyphens and dots: what else stands in a host name would be parsed as an address. */
const hostName = /^[\p{L}\p{M}\p{N}.-]+$/u;

/**
 * A host name in its ASCII form (UTS 46). Characters that stand for ASCII ones, such as full-width
 * letters, are refused: two spellings that look different must not be one address.
 */
function canonicalDomain(text: string): string | undefined {
  const isDisguised = [...text].some(
    (character) => character > '\u007f' && /^\p{ASCII}+$/u.test(lookOf(character)),
  );
  if (isDisguised || !hostName.test(text)) return undefined;
  const domain = domainToASCII(text.normalize('NFC').toLowerCase());
  return domainPart.test(domain) ? domain : undefined;
}

function lookOf(character: string): string {
  return character.normalize('NFKC').toLowerCase();
}

/** An address in canonical form. Only ASCII before the `@`: look-alikes are refused, not folded. */
export function parseEmail(raw: unknown): EmailAddress {
  return (
    canonicalEmail(parseText(raw, 254)) ??
    refuse('Must be an email address such as name@example.com.')
  );
}

const usernamePattern = /^[A-Za-z0-9][A-Za-z0-9._+-]*$/;

/** 1 to 150 of letters, digits and `. _ + -`; never an `@`, which tells addresses apart. */
export function parseUsername(raw: unknown): Username {
  const text = parseText(raw, 150);
  if (!usernamePattern.test(text)) {
    refuse('Use letters, digits and . _ + - only, beginning with a letter or digit.');
  }
  return text as Username; // tested above
}

const linkLike = /[<>"\\/]|:\/\/|www\./i;

/** A person's name of at most 150 characters; nothing that a mail program could show as a link. */
export function parsePersonName(raw: unknown): PersonName {
  const text = parseNormalText(raw, 150);
  if (linkLike.test(text)) refuse('Must be a name, without links or any of < > " \\ /.');
  return text as PersonName; // tested above
}

/** A username; a blank one is null: the account has none. */
export function parseUsernameOrNone(raw: unknown): Username | null {
  return raw === '' ? null : parseUsername(raw);
}

/** A family name; blank for a person with one name. */
export function parseLastName(raw: unknown): PersonName {
  return raw === '' ? ('' as PersonName) : parsePersonName(raw); // nothing to test
}

/** What a person types to log in: an address, or a username when it has no `@`. */
export type LoginName =
  | { readonly kind: 'email'; readonly value: EmailAddress }
  | { readonly kind: 'username'; readonly value: Username };

/** The name in canonical form, or nothing when no account can have it. */
export function parseLoginName(raw: unknown): LoginName | undefined {
  const text = parseText(raw, 254);
  if (!text.includes('@')) {
    return usernamePattern.test(text)
      ? { kind: 'username', value: text as Username } // tested in this line
      : undefined;
  }
  const email = canonicalEmail(text);
  return email && { kind: 'email', value: email };
}

/** A language tag such as `en` or `es-MX`, in canonical form (BCP 47). */
export function parseLocale(raw: unknown): string {
  const text = parseText(raw, 35);
  try {
    return new Intl.Locale(text).toString();
  } catch {
    return refuse('Must be a language tag such as en or es-MX.');
  }
}

const passwordMaxLength = 256;

/** A password to be checked, exactly as received; whether it is a good one is not asked here. */
export function parsePresentedPassword(raw: unknown): string {
  if (typeof raw !== 'string') refuse('Must be a text.');
  if (raw === '') refusePassword({ code: 'PASSWORD_EMPTY' });
  if (raw.length > 2 * passwordMaxLength || [...raw].length > passwordMaxLength) {
    refusePassword({ code: 'PASSWORD_TOO_LONG', limit: passwordMaxLength });
  }
  if (!raw.isWellFormed()) refusePassword({ code: 'PASSWORD_MALFORMED' });
  return raw;
}

/** A one-time code or token as pasted by a person. */
export function parsePastedSecret(raw: unknown): string {
  return parseText(raw, 512);
}

/** The same where a text that cannot be one is answered like one that there is not: undefined. */
export function readPastedSecret(raw: unknown): string | undefined {
  try {
    return parsePastedSecret(raw);
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

/** The name of a group or the code of a permission, as something to look for. */
export function parseLookupName(raw: unknown): string {
  return parseNormalText(raw, 150);
}

/** An id of ours; anything else cannot exist, so it is not found rather than malformed. */
export function parseId(raw: unknown): string | undefined {
  return typeof raw === 'string' && isUuid(raw) ? raw.toLowerCase() : undefined;
}

/** Text to look for; of one to 100 characters. */
export function parseSearch(raw: unknown): string {
  return parseNormalText(raw, 100);
}

/** A point in time: a date, or its text in RFC 3339 such as `2026-01-31T12:00:00Z`. */
export function parseInstant(raw: unknown): Date {
  if (raw instanceof Date) return raw;
  return parseRfc3339(raw) ?? refuse('Must be a time such as 2026-01-31T12:00:00Z.');
}

export function parseBoolean(raw: unknown): boolean {
  return typeof raw === 'boolean' ? raw : refuse('Must be true or false.');
}

const maxListLength = 1000;

/** Ids of ours, each once. */
export function parseIds(raw: unknown): readonly string[] {
  if (!Array.isArray(raw)) refuse('Must be a list of ids.');
  if (raw.length > maxListLength) refuse(`Must not have more than ${maxListLength} ids.`);
  return [...new Set(raw.map((each) => parseId(each) ?? refuse('Must be a list of ids.')))];
}

/** Text of any content but control characters; may be empty. */
export function parseDescription(raw: unknown): string {
  return raw === '' ? '' : parseNormalText(raw, 1000);
}

/** The name of a group. */
export function parseGroupName(raw: unknown): string {
  return parseNormalText(raw, 150);
}

const codenamePattern = /^[A-Za-z0-9_*-]+(\.[A-Za-z0-9_*-]+)*$/;

/** The code of a permission, such as `shop.view_order`; `*` matches any run of characters. */
export function parseCodename(raw: unknown): string {
  const text = parseText(raw, 150);
  return codenamePattern.test(text)
    ? text
    : refuse('Use letters, digits and _ - *, in parts with dots between, such as shop.view_order.');
}

/** The value, or nothing when it was not given. */
export function optional<Value>(raw: unknown, parser: (raw: unknown) => Value): Value | undefined {
  return raw === undefined || raw === null ? undefined : parser(raw);
}
