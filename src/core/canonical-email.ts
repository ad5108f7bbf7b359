/** The canonical form of email addresses, in which two spellings of one address are equal. */
import { domainToASCII } from 'node:url';

const localPart = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const domainPart =
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Lower case, the local part in ASCII, the domain in its ASCII form; undefined for other text. */
export function canonicalEmail(text: string): string | undefined {
  const at = text.lastIndexOf('@');
  const local = at < 1 ? undefined : asciiLowerCase(text.slice(0, at));
  const domain = canonicalDomain(text.slice(at + 1));
  if (local === undefined || local.length > 64 || !localPart.test(local)) return undefined;
  if (domain === undefined) return undefined;
  return `${local}@${domain}`;
}

/** Undefined for non-ASCII text: some letters, such as the Kelvin sign, have an ASCII lower case. */
function asciiLowerCase(text: string): string | undefined {
  return /^[\x21-\x7e]+$/.test(text) ? text.toLowerCase() : undefined;
}

/** Letters, digits, hyphens and dots: `domainToASCII` would parse other characters as parts of a URL. */
const hostName = /^[\p{L}\p{M}\p{N}.-]+$/u;

/**
 * A host name in its ASCII form (UTS 46). Compatibility variants of ASCII characters, such as full-width
 * letters, are rejected: two different spellings must not be one address.
 */
function canonicalDomain(text: string): string | undefined {
  const isDisguised = [...text].some(
    (character) => character > '\u007f' && /^\p{ASCII}+$/u.test(compatibilityForm(character)),
  );
  if (isDisguised || !hostName.test(text)) return undefined;
  const domain = domainToASCII(text.normalize('NFC').toLowerCase());
  return domainPart.test(domain) ? domain : undefined;
}

function compatibilityForm(character: string): string {
  return character.normalize('NFKC').toLowerCase();
}
