/** A mailbox of RFC 5322 §3.4, an address with or without a display name, from what a person types. */
import { domainToASCII } from 'node:url';

export interface Mailbox {
  /** Empty where there is none. */
  readonly name: string;
  readonly address: string;
}

const quoted = /"((?:[^"\\]|\\.)*)"/g;
const named = /^((?:"(?:[^"\\]|\\.)*"|[^"<>])*)<([^<>]*)>$/;
const localPart = /^[^\s@"(),:;<>[\\\]]+$/;
const asciiDomain = /^(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*$/i;

/**
 * The mailbox, or nothing where `text` is none. A display name may have colons, commas and the like
 * without quotes, which RFC 5322 asks for in a message only.
 */
export function parseMailbox(text: string): Mailbox | undefined {
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

/** As people write it, for messages and lists. */
export function formatMailbox({ name, address }: Mailbox): string {
  return name === '' ? address : `${name} <${address}>`;
}

/** The domain of the address, in ASCII. */
export function domainOf({ address }: Mailbox): string {
  return domainToASCII(address.slice(address.lastIndexOf('@') + 1));
}

function isAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  const [local, domain] = [text.slice(0, at), text.slice(at + 1)];
  // Of a URL's host `domainToASCII` takes more than a domain may have.
  const isDomain = !/[\s/?#@:%\\]/.test(domain) && asciiDomain.test(domainToASCII(domain));
  return at > 0 && Buffer.byteLength(text) <= 254 && localPart.test(local) && isDomain;
}
