/**
 * Parses and formats mail addresses: an email address with an optional display name. RFC 5322 §3.4 calls this a
 * mailbox.
 */
import { domainToASCII } from 'node:url';

export interface MailAddress {
  /** The display name; empty if there is none. */
  readonly name: string;
  readonly address: string;
}

const quoted = /"((?:[^"\\]|\\.)*)"/g;
const named = /^((?:"(?:[^"\\]|\\.)*"|[^"<>])*)<([^<>]*)>$/;
const localPart = /^[^\s@"(),:;<>[\\\]]+$/;
const asciiDomain = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/i;

/**
 * The mail address in `text`; undefined if it is not valid. Unlike in a message (RFC 5322), a display name with
 * special characters such as commas needs no quotes.
 */
export function parseMailAddress(text: string): MailAddress | undefined {
  const trimmed = text.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would end or hide the header
  if (/[\u0000-\u001f\u007f]/.test(trimmed)) return undefined;
  const [, phrase = '', inBrackets] = named.exec(trimmed) ?? [];
  const address = (inBrackets ?? trimmed).trim();
  if (!isAddress(address)) return undefined;
  const name = phrase
    .replaceAll(quoted, (_, inner: string) => inner.replaceAll(/\\(.)/g, '$1'))
    .replaceAll(/\s+/g, ' ')
    .trim();
  return { name, address };
}

/** The mail address as readable text, without the quotes of RFC 5322. */
export function formatMailAddress({ name, address }: MailAddress): string {
  return name === '' ? address : `${name} <${address}>`;
}

/** The domain of the address, in ASCII. */
export function domainOf({ address }: MailAddress): string {
  return domainToASCII(address.slice(address.lastIndexOf('@') + 1));
}

function isAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  const [local, domain] = [text.slice(0, at), text.slice(at + 1)];
  // `domainToASCII` accepts hosts of URLs, which can have characters that a domain cannot have.
  const isDomain = !/[\s/?#@:%\\]/.test(domain) && asciiDomain.test(domainToASCII(domain));
  return at > 0 && Buffer.byteLength(text) <= 254 && localPart.test(local) && isDomain;
}
