/**
 * Parsers for values of environment variables: each returns the value, or a message with the valid form.
 * `variables.ts` assigns them to variables.
 */
import { z } from 'zod';
import { parseMailAddress } from '../core/mail-address.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { parseRateLimits } from './rate-limits.ts';

export const flag = z
  .string()
  .transform((text) => text.trim().toLowerCase())
  .pipe(z.enum(['true', 'false', '1', '0', 'yes', 'no', 'on', 'off'], 'must be True or False'))
  .transform((word) => ['true', '1', 'yes', 'on'].includes(word));

export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\s*\d{1,9}\s*$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be from ${min} to ${max}`);

export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

export const secretKey = z
  .string()
  .refine(
    (text) => Buffer.byteLength(text) >= 32,
    'must have at least 32 bytes; make one with: node -p "crypto.randomBytes(48).toString(\'base64url\')"',
  )
  .refine((text) => !isPlaceholder(text), 'is a placeholder or repeats itself; use random bytes');

export const httpUrl = z
  .string()
  .refine(isHttpOrigin, 'must be an http:// or https:// origin such as https://auth.example.com')
  .transform((text) => text.replace(/\/+$/, ''));

/** An address that pages and mails link to. */
export const linkUrl = z
  .string()
  .refine(isLinkUrl, 'must be an http:// or https:// address such as https://app.example.com');

/** An origin, or the beginning of the addresses that pages may lead back to. */
export const returnUrl = z
  .string()
  .refine(
    (text) => isLinkUrl(text) && !/[?#*]/.test(text),
    'must list http:// or https:// addresses without *, ? and #, such as https://app.example.com or https://example.com/shop',
  );

export const defaultAppName = 'Gatehouse';

export const appName = z
  .string()
  .trim()
  .regex(/^[^\p{C}\p{Zl}\p{Zp}<>]{1,60}$/u, 'must be a name of at most 60 characters on one line');

export const collectorUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    'must be the http:// or https:// address of a collector such as http://localhost:4318',
  );

/** `name=value,other=value`, values URL-encoded (OpenTelemetry, OTLP Exporter Configuration). */
export const headerList = z
  .string()
  .regex(
    /^\s*([\w-]+=(%[0-9A-Fa-f]{2}|[^,%])*\s*(,\s*|$))*$/,
    'must look like name=value,other=value, with URL-encoded values',
  )
  .transform((text) => {
    const pairs = text.split(',').filter((pair) => pair.trim() !== '');
    return Object.fromEntries(
      pairs.map((pair) => {
        const at = pair.indexOf('=');
        return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())];
      }),
    );
  });

/** An origin of a web page or of an app's web view; `*.` stands for any subdomain. */
export const origin = z
  .string()
  .refine((text) => text !== '*', {
    error:
      'must not be *, because browsers send no session cookie to a service that allows every origin; list origins such as https://app.example.com',
    abort: true,
  })
  .refine(
    isOrigin,
    'must list origins without a path, such as https://app.example.com, https://*.example.com or capacitor://localhost',
  );

export const databaseUrl = z.string().transform((text, { addIssue }) => {
  try {
    return parseDatabaseUrl(text);
  } catch (error) {
    addIssue(error instanceof RangeError ? error.message : 'is not understood');
    return z.NEVER;
  }
});

export const redisUrl = z
  .string()
  .refine(
    (text) => /^rediss?:\/\/[^/]/.test(text) && URL.canParse(text),
    'must look like redis://user:password@host:6379/0',
  );

export const rateLimits = z.string().transform((text, { addIssue }) => {
  try {
    return parseRateLimits(text.trim()) ?? null; // undefined would mean the default
  } catch (error) {
    addIssue(error instanceof RangeError ? error.message : 'is not understood');
    return z.NEVER;
  }
});

export const hostName = z
  .string()
  .regex(/^[A-Za-z0-9._:-]+$/, 'must be a host name or an IP address, without scheme or port')
  .refine(
    (text) => !/^[^:]+:\d+$/.test(text),
    'must be a host name or an IP address, without port',
  );

export const address = z.string().regex(/^[^\s@<>]+@[^\s@<>]+$/, 'must be an email address');

export const mailbox = z.string().transform((text, { addIssue }) => {
  const parsed = parseMailAddress(text);
  if (parsed) return parsed;
  addIssue('must be an email address, or a name with one: Gatehouse <auth@example.com>');
  return z.NEVER;
});

/** An OAuth 2.0 token endpoint, which gets secrets (RFC 6749 §3.2). */
export const tokenUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && isConfidential(new URL(text)),
    'must be the https:// address of a token endpoint',
  );

export const allowedHost = z
  .string()
  .regex(
    /^(\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:.]+\])$/,
    'must list host names, without scheme or port, such as auth.example.com or .example.com',
  );

export const restPrefix = z
  .string()
  .regex(/^(\/[A-Za-z0-9._~-]+)+\/?$/, 'must be a path such as /auth')
  .transform((text) => text.replace(/\/$/, ''));

/** Whether a key is from an example, or a short text that is repeated. */
function isPlaceholder(text: string): boolean {
  const isPeriodic = (text + text).indexOf(text, 1) < text.length;
  return (
    isPeriodic ||
    new Set(text).size < 8 ||
    /change.?me|replace.?this|your.?secret|placeholder/i.test(text)
  );
}

/** Whether a text is an origin. `URL` supports only the origins of http and https. */
function isOrigin(text: string): boolean {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(text)?.[1];
  if (scheme === 'http' || scheme === 'https') {
    const [wildcard] = /^https?:\/\/\*\.(?=[^.]+\.)/.exec(text) ?? [];
    const host = wildcard === undefined ? text : text.replace('*.', '');
    return !host.includes('*') && URL.canParse(host) && new URL(host).origin === host;
  }
  const isOfApp = scheme !== undefined && !['file', 'data', 'blob', 'javascript'].includes(scheme);
  return isOfApp && /^[a-z0-9+.-]+:\/\/[a-z0-9][a-z0-9.-]*(:\d{1,5})?$/.test(text);
}

function isLinkUrl(text: string): boolean {
  if (!/^https?:\/\/[^\\\s]+$/.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return `${username}${password}` === '';
}

function isHttpOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, pathname, search, hash, username } = new URL(text);
  const isBare = pathname === '/' && `${search}${hash}${username}` === '';
  return isBare && ['http:', 'https:'].includes(protocol);
}

function isConfidential({ protocol, hostname }: URL): boolean {
  const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isLocal);
}
