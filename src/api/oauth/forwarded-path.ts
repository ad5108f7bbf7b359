/** The path of an original request for the log. Segments that look like secrets are masked, such as reset tokens. */
import { printable } from '../../core/text.ts';

const mask = '***';
const maxCharacters = 200;
/** Shorter segments are not masked, except with the beginning of an API key or of a JWT. */
const minSecretCharacters = 20;
const secretPrefix = /(?:^|[^A-Za-z0-9])(?:gk_[A-Za-z0-9]{4}|eyJ[\w-]{4})/;
/** Characters between the words of a readable segment. Characters outside of ASCII are readable too. */
const separators = /[-_., +:;=@~()'!]|[^\p{ASCII}]/u;

/** Whether a part of a name is a word or a short number, and not random. Uppercase words may be codes. */
function isWord(part: string): boolean {
  if (/^\d{0,8}$/.test(part) || /^[a-z]{0,2}\d{1,3}$/i.test(part)) return true;
  return /^[A-Z]?[a-z]{0,14}$/.test(part) && (part.length < 4 || /[aeiouy]/i.test(part));
}

function isSecret(segment: string): boolean {
  const text = decode(segment);
  if (secretPrefix.test(text)) return true;
  return text.length >= minSecretCharacters && !text.split(separators).every(isWord);
}

/** A segment that cannot be decoded stays as it is, and its `%` is no part of a word. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * The path of `X-Forwarded-Uri`, without the origin and the query, at most 200 characters. A proxy may encode the
 * characters `?` and `#` of the client, so a query may follow them in this form too.
 */
export function loggedPathOf(uri: string): string {
  const [path = ''] = uri.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').split(/[?#]|%3f|%23/i, 1);
  const masked = path.split('/').map((segment) => (isSecret(segment) ? mask : segment));
  return printable(masked.join('/').slice(0, maxCharacters));
}
